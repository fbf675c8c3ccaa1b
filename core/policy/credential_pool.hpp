#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/types/clock.hpp"
#include "core/types/error.hpp"

namespace sluice {

/// Why a credential rests.
enum class Bench : std::uint8_t { none, rate_limited, auth, quota };

std::string_view to_string(Bench reason);

/// The bench that a failure earns its credential, if any.
Bench bench_for(ErrorKind kind);

/// The credentials of one provider: spreads requests over the free ones by weight (smooth weighted round robin), and
/// benches those that the provider refused. Without configured credentials it holds one anonymous one.
class CredentialPool {
public:
    /// One credential for each weight; an empty list means one anonymous credential.
    explicit CredentialPool(std::vector<unsigned> const& weights);

    /// The next credential to use, unless all are benched.
    std::optional<std::size_t> pick(Instant now);
    bool any_free(Instant now) const;

    /// 429: until `retry_after`, at most a day, else 1 s x 2^n, at most 60 s. Auth and quota: 60 s x 2^n, at most 1 h;
    /// n counts the benches since the last success. Returns how long the credential rests now.
    milliseconds bench(std::size_t credential, Bench reason, std::optional<milliseconds> retry_after, Instant now);
    /// A request sent at `sent_at` was answered. It frees a credential that was benched before that.
    void succeeded(std::size_t credential, Instant sent_at);

    /// Whether another than `credential` could be used.
    bool any_free_beside(std::size_t credential, Instant now) const;

    struct State {
        Bench reason = Bench::none;
        milliseconds time_left{0};
    };
    State state(std::size_t credential, Instant now) const;

    /// When all rest: the shortest wait, and the reason that all share (none: they differ).
    State all_benched(Instant now) const;

    /// Some credential rests, or has not succeeded since it did.
    bool any_remembered() const;

    std::size_t size() const { return entries_.size(); }

    /// Takes over what `before` knows about its credential `from`.
    void inherit(std::size_t credential, CredentialPool const& before, std::size_t from);

private:
    struct Entry {
        std::int64_t weight = 1;
        std::int64_t current = 0;
        Bench reason = Bench::none;
        unsigned benches = 0;
        Instant benched_at = Instant::min();
        Instant until = Instant::min();
    };
    std::vector<Entry> entries_;
};

}  // namespace sluice
