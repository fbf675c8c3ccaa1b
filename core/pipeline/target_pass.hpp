#pragma once

#include <optional>

#include "core/pipeline/snapshot.hpp"

namespace sluice {

/// The permission to send one request to one target: a place among its provider's requests in flight, a credential, and
/// perhaps the probe of its breaker. Given back by its destructor, also when nobody said how the attempt ended.
class TargetPass {
public:
    struct Wish {
        CredentialSettings const* own_key = nullptr;  ///< the client's own: none of ours is used, benched or asked for
        std::optional<std::size_t> credential{};      ///< that the session used before
        bool has_place = false;                       ///< among the requests in flight: it was waited for
        bool whatever_the_breaker_says = false;
    };
    /// Nothing when the breaker is open, our probes find the provider down, the provider is full, or all credentials
    /// are benched.
    static std::optional<TargetPass> enter(TargetRuntime const& target, Instant now, Wish const& wish);

    TargetPass(TargetPass&& other) noexcept;
    TargetPass& operator=(TargetPass&&) = delete;
    ~TargetPass();

    /// Null when none is configured.
    CredentialSettings const* credential() const;
    bool is_probe() const { return pass_ == Breaker::Pass::probe; }

    /// Remembers what the provider says is left. Used up, and somebody else can take over: the credential rests until
    /// there is more. `elsewhere`: another target can take requests of this model.
    enum class Elsewhere : bool { nobody, somebody };
    void note_limits(RateLimits const& limits, Elsewhere elsewhere, Instant now);

    /// The target works: a probe need not wait for the end of a long stream to say so.
    void answering(Instant now);
    void succeeded(Instant sent_at, Instant now);
    /// What the failure means for the breaker and the credential. Returns how long the credential rests, if it does.
    std::optional<milliseconds> failed(Error const& error, Verdict verdict, Instant now, double random);

private:
    TargetPass(TargetRuntime const& target, Breaker::Pass pass, CredentialSettings const* own_key,
               std::size_t credential)
        : target_(&target), pass_(pass), own_key_(own_key), credential_(credential) {}
    void report(Verdict verdict, Instant now, double random, milliseconds asked_for = milliseconds(0));

    TargetRuntime const* target_;
    Breaker::Pass pass_;
    bool reported_ = false;
    CredentialSettings const* own_key_;
    std::size_t credential_;  ///< of the provider's; not used with the client's own
};

}  // namespace sluice
