#pragma once

#include <string_view>
#include <vector>

#include "core/pipeline/request_run.hpp"

/// Going on with a text that broke off behind the commit point: docs/guides/continue-after-a-cut.md.
namespace sluice {

/// So many further targets are asked to go on with one answer.
inline constexpr unsigned most_continuations = 2;

/// Whether `target` is known to go on where an assistant's message ends.
bool continues_assistant(TargetRuntime const& target);

/// Whether some target could go on with a stream of `serving`: its text, and the client's request, are kept for that.
bool could_be_continued(RequestRun const& run, TargetRuntime const& serving);

/// After a committed attempt has failed with `failed`: asks others to go on, in their order, those of another provider
/// first. Only if `run.cut` is there; retry budget, breakers and deadline hold. Returns without an error when the
/// client has a whole answer, else `failed`, or that the request was cancelled.
Task<Result<>> continue_after_cut(RequestRun& run, std::vector<PlannedTarget> others, Error failed);

}  // namespace sluice
