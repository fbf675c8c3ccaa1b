#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/policy/planner.hpp"
#include "core/types/result.hpp"

/// What was known when a target was chosen, and what was chosen: a line of JSON in the access log, from which
/// `sluice replay` plans again. Integers only, so that a record says exactly what make_plan() saw.
/// Format: docs/guides/explain-and-replay.md.
namespace sluice {

/// Which configured model some candidates belong to.
struct DecisionModel {
    std::string_view name{};  ///< as configured
    std::string_view star{};  ///< what its star stands for
    std::size_t first_candidate = 0;
    std::size_t candidate_count = 0;
};

/// One choice as it is written down.
struct DecisionView {
    std::string_view config{};                ///< Settings::hash
    std::span<DecisionModel const> models{};  ///< those of PlanInput::models; the first serves the request
    PlanInput const& input;
    Plan const& plan;
};

/// No longer record is written: a client may steer by many long names.
inline constexpr std::size_t most_decision_bytes = 32 * 1024;

/// What make_plan() saw that is not configuration, and what it said. Compact JSON; defaults are left out; bytes beyond
/// ASCII are escaped one by one. Empty when it would be too long.
std::string decision_json(DecisionView const& view);

struct RecordedModel {
    std::string name{};
    std::string star{};
    std::size_t first_candidate = 0;
    std::size_t candidate_count = 0;
    friend bool operator==(RecordedModel const&, RecordedModel const&) = default;
};

/// What was known of one target. `known` has neither names nor traits nor price: the names stand beside it, the rest is
/// configuration.
struct RecordedTarget {
    std::string name{};  ///< "provider/model"
    std::string provider{};
    Candidate known{};
};

struct RecordedChoice {
    std::size_t target = 0;
    std::string reason{};
    std::int64_t score = 0;
    friend bool operator==(RecordedChoice const&, RecordedChoice const&) = default;
};

struct RecordedDecision {
    std::string config{};
    std::vector<RecordedModel> models{};
    RequestFacts facts{};
    std::optional<Steering> steering{};
    std::optional<BoundTarget> bound{};
    bool strict = false;
    std::uint64_t draw = 0;
    std::vector<RecordedTarget> targets{};
    std::vector<RecordedChoice> order{};
    std::vector<ExcludedTarget> excluded{};
    bool moved_by_affinity = false;
    bool panic = false;
};

/// Errors: invalid_json, with what is wrong as its detail.
Result<RecordedDecision> read_decision(std::string_view json);

/// Of a plan's only target. A record without `order` means {target 0, this reason, score 0}.
inline constexpr std::string_view usual_reason = "fallback: first";

/// The provider's name in "provider/model".
std::string_view provider_in(std::string_view target);

/// Whether `plan` is, bit for bit, the recorded one.
bool is_same_plan(RecordedDecision const& recorded, Plan const& plan);

}  // namespace sluice
