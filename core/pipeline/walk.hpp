#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "core/pipeline/attempt_run.hpp"
#include "core/pipeline/lease_wait.hpp"
#include "core/pipeline/request_run.hpp"
#include "core/policy/planner.hpp"
#include "core/policy/retry.hpp"

namespace sluice {

/// The walk along a plan, from attempt to attempt, until the client has an answer or nothing is left to try.
class Walk {
public:
    /// `run` has been routed.
    explicit Walk(RequestRun& run, Instant now);

    Task<Result<>> go();

private:
    std::optional<Entry> next_entry();
    bool plan_to_wait();
    [[gnu::noinline]] Task<Result<std::optional<Entry>>> wait_in_queue();
    TargetPass::Wish wish_for(std::size_t candidate) const;
    AttemptPlan attempt_plan() const;
    Task<Result<>> attempt(Entry&& entry);
    [[gnu::noinline]] Task<Result<>> raced(Entry&& entry, milliseconds delay);
    std::optional<milliseconds> time_to_hedge() const;
    std::optional<Entry> hedge_entry();
    void start_over_at_next();
    Decision decide(Error const& error);
    bool divert(Error const& error);
    bool divert(std::vector<std::size_t> const& extra, std::string_view reason);
    std::optional<std::size_t> next_usable() const;
    bool provider_was_tried(std::string_view provider) const;
    std::vector<PlannedTarget> further_targets() const;
    Task<Result<>> pause(milliseconds wait);
    Error none_left();
    Error summed_up(Error error) const;

    RoutedTarget const& routed() const { return run_.routing.targets[plan_.order[position_].target]; }
    TargetRuntime const& target() const { return *routed().target; }

    RequestRun& run_;
    Plan plan_;
    Instant now_;
    std::size_t position_ = 0;
    unsigned attempts_ = 0;
    unsigned failures_here_ = 0;
    unsigned targets_tried_ = 0;
    milliseconds waited_{0};
    std::string_view reason_;  ///< of a repetition; empty: the plan's
    bool diverted_ = false;    ///< to the targets for special occasions
    std::optional<Error> last_;
    LeaseWait lease_wait_;
    bool waits_for_leases_ = true;
};

}  // namespace sluice
