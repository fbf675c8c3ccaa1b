#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/pipeline/snapshot.hpp"
#include "core/policy/decision.hpp"

namespace sluice::cli {

/// What changes between two choices, summed over the requests of which it is known.
struct Delta {
    std::uint64_t known = 0;  ///< requests
    std::int64_t before = 0;
    std::int64_t after = 0;

    void add(std::int64_t old_value, std::int64_t new_value) {
        ++known;
        before += old_value;
        after += new_value;
    }
};

/// Recorded decisions planned again. A record of the same configuration must give the same plan, bit for bit; every
/// record is planned with the new configuration: targets are found by name, what is fixed about them and their prices
/// come from the configuration, what was measured from the record; a target that the record does not know counts as
/// healthy and unmeasured. Rules that send requests to other models are not followed again: headers and the hour are
/// not on record. Memory does not grow with the number of lines.
class Replay {
public:
    /// `next` must outlive it.
    explicit Replay(Snapshot const& next);

    /// The next line of an access log, without its end.
    void add(std::string_view line);

    std::uint64_t lines = 0;
    std::uint64_t bad = 0;      ///< no JSON, or an unreadable record
    std::uint64_t without = 0;  ///< requests without a decision
    std::uint64_t decisions = 0;
    std::uint64_t verified = 0;      ///< of the same configuration, with the same plan
    std::uint64_t differing = 0;     ///< of the same configuration, with another one
    std::string first_difference{};  ///< its request id
    std::uint64_t changed = 0;       ///< first choices
    std::uint64_t no_model = 0;      ///< the new configuration does not have the model
    std::uint64_t no_target = 0;     ///< requests that would find no target, those included
    std::uint64_t found_none_before = 0;
    std::uint64_t failed_first = 0;        ///< requests whose first attempt failed
    std::uint64_t failed_first_moved = 0;  ///< of them, those that would now begin elsewhere
    Delta cost{};                          ///< expected, nano-dollars
    Delta latency{};   ///< median of what was measured, microseconds: first token of streams, else the answer
    Delta failures{};  ///< of what was measured, in a million requests
    std::map<std::pair<std::string, std::string>, std::uint64_t> moves{};  ///< first choices, from and to

private:
    struct Planned {
        std::vector<Candidate> candidates{};
        Plan plan{};
        bool has_model = false;
    };
    Planned plan_again(RecordedDecision const& record, std::string_view key) const;
    void compare(RecordedDecision const& record, Planned const& planned, bool first_attempt_failed);
    void compare_figures(RecordedDecision const& record, Candidate const& before, Candidate const& after);
    ModelRuntime const* find_model(std::string const& name) const;

    Snapshot const& next_;
    std::unordered_map<std::string, ModelRuntime const*> models_;
    std::unordered_map<std::string, TargetFilter const*> keys_;
};

/// For people, and for scripts.
std::string to_text(Replay const& replay);
std::string to_json(Replay const& replay);

}  // namespace sluice::cli
