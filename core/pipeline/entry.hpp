#pragma once

#include "core/pipeline/call_money.hpp"
#include "core/pipeline/request_run.hpp"
#include "core/pipeline/target_pass.hpp"

namespace sluice {

/// The way into a target for one call: what the target asks for, and the money.
struct Entry {
    TargetPass pass;
    CallMoney money;
};

/// For the candidate at that place of `run.routing`. Nothing when the target does not let us in, or a limit is reached:
/// then `run.limit_reached` says which.
std::optional<Entry> enter(RequestRun& run, std::size_t candidate, TargetPass::Wish const& wish, Instant now);

}  // namespace sluice
