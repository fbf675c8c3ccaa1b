#pragma once

#include <array>
#include <cstdint>

#include "core/types/clock.hpp"
#include "core/types/error.hpp"
#include "core/types/settings.hpp"

namespace sluice {

enum class BreakerState : std::uint8_t { closed, half_open, open };

std::string_view to_string(BreakerState state);

/// What an attempt's end says about the health of its target. `silent`: nothing, as with a client that left.
enum class Verdict : std::uint8_t { success, failure, silent };

/// Upstream faults are failures, except those that belong to the credential (429, auth, quota), which leave no verdict.
/// A request that the upstream rejected, or a model that it does not have, shows a healthy upstream.
Verdict verdict_of(ErrorKind kind);

/// Keeps requests from a target that fails. Closed: everything passes; it opens at `consecutive` failures in a row, or
/// when at least `failure_percent` of at least `min_requests` in `window` failed. Open: nothing passes for a while.
/// Half open: one probe at a time passes; its success closes the breaker, its failure opens it again.
///
/// Stays open for `open_for` x 2^n, at most `open_max`, +-20 %, where n counts how often the outage has doubled beyond
/// 12 x `open_for`. So a wait is never more than about a twelfth of the outage it follows, and callers of a target that
/// was out for a minute get it back within ten seconds (PROMISES R10); doubling at every probe would make that 40.
class Breaker {
public:
    enum class Pass : std::uint8_t { normal, probe, refused };

    explicit Breaker(BreakerSettings const& settings) : settings_(settings) {}

    /// Asks to send a request now. `probe`: exactly one of the calls below must follow.
    Pass try_pass(Instant now);

    void succeeded(Instant now, Pass pass);
    /// `random` in [0, 1) spreads the end of the wait. `asked_for`: how long the upstream asks to be left alone
    /// (Retry-After); a breaker that opens by this failure stays open for at least that, at most `open_max`.
    void failed(Instant now, Pass pass, double random, milliseconds asked_for = milliseconds(0));
    /// The attempt ended without a verdict.
    void released(Pass pass);

    /// The next probe is due now: somebody else has seen the target alive.
    void let_probe(Instant now);

    /// half_open: a probe is due or under way.
    BreakerState state(Instant now) const;
    /// Would try_pass() refuse?
    bool refuses(Instant now) const;
    /// Until the next probe is due; zero when one is due or the breaker is closed. While a probe is under way, the wait
    /// that its failure would bring.
    milliseconds time_to_probe(Instant now) const;

private:
    static constexpr std::size_t bucket_count = 10;
    struct Bucket {
        std::int64_t period = -1;
        std::uint32_t total = 0;
        std::uint32_t failures = 0;
    };

    void count(Instant now, Verdict verdict);
    bool ratio_reached(Instant now) const;
    std::int64_t period_of(Instant now) const;
    void open(Instant now, double random, milliseconds asked_for);
    void close();

    BreakerSettings settings_;
    std::array<Bucket, bucket_count> buckets_{};
    unsigned consecutive_ = 0;
    bool open_ = false;
    bool probing_ = false;
    Instant opened_at_{};  ///< the first opening of this outage
    Instant open_until_{};
};

}  // namespace sluice
