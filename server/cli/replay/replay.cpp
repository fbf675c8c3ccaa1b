#include "server/cli/replay/replay.hpp"

#include <algorithm>

#include "core/json/json_index.hpp"
#include "core/policy/model_index.hpp"

namespace sluice::cli {
namespace {

constexpr char const* nobody = "(no target)";

RecordedTarget const* find_target(RecordedDecision const& record, std::string_view name) {
    auto const found = std::ranges::find(record.targets, name, &RecordedTarget::name);
    return found == record.targets.end() ? nullptr : &*found;
}

/// A target of the new configuration with what the record knows about it.
Candidate candidate_of(TargetRuntime const& target, std::string_view star, Snapshot const& snapshot,
                       RecordedDecision const& record) {
    Candidate candidate;
    if (auto const* const known = find_target(record, target.name)) candidate = known->known;
    candidate.name = target.name;
    candidate.provider = target.provider->settings->name;
    candidate.traits = target.traits;
    candidate.is_router = target.provider->settings->is_router;
    candidate.price = snapshot.price_of(target, fill_star(target.model, star));
    candidate.max_in_flight = target.provider->settings->max_in_flight;
    return candidate;
}

std::optional<BoundTarget> bound_of(RecordedDecision const& record, std::vector<Candidate> const& candidates) {
    if (!record.bound) return std::nullopt;
    auto const& name = record.targets[record.bound->target].name;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (candidates[i].name == name) return BoundTarget{i, record.bound->cached_tokens};
    }
    return std::nullopt;
}

std::uint32_t usual_time(Candidate const& candidate, bool stream) {
    return stream ? candidate.measured.first_token_us[0] : candidate.measured.answer_us[0];
}

std::int64_t failures_per_million(Measured const& measured) {
    return measured.requests == 0 ? 0 : std::int64_t{1'000'000} * measured.failures / measured.requests;
}

/// Whether the attempts of an access line begin with one that failed.
bool first_failed(JsonValue attempts) {
    for (auto const attempt : attempts.elements()) {
        if (attempt["classifier"].is_true()) continue;
        auto const result = attempt["result"].string();
        return !result.empty() && result != "ok" && result != "cancelled";
    }
    return false;
}

}  // namespace

Replay::Replay(Snapshot const& next) : next_(next) {
    for (auto const& model : next.models()) models_.emplace(model.settings->name, &model);
    for (auto const& key : next.settings().keys) {
        if (!key.caller.require.empty()) keys_.emplace(key.caller.name, &key.caller.require);
    }
}

ModelRuntime const* Replay::find_model(std::string const& name) const {
    auto const found = models_.find(name);
    return found == models_.end() ? nullptr : found->second;
}

Replay::Planned Replay::plan_again(RecordedDecision const& record, std::string_view key) const {
    Planned planned;
    std::vector<RoutedModel> routed;
    ModelSettings const* first = nullptr;
    for (auto const& recorded : record.models) {
        auto const* const model = find_model(recorded.name);
        bool const is_first = &recorded == record.models.data();
        if (model == nullptr && is_first) return planned;
        if (model == nullptr) continue;
        if (is_first) first = model->settings;
        routed.push_back({.routes = model->settings->routes,
                          .first_candidate = planned.candidates.size(),
                          .candidate_count = model->targets.size()});
        for (auto const& target : model->targets) {
            planned.candidates.push_back(candidate_of(target, recorded.star, next_, record));
        }
    }
    if (first == nullptr) return planned;
    planned.has_model = true;
    auto const caller = keys_.find(std::string(key));
    planned.plan = make_plan({.facts = record.facts,
                              .candidates = planned.candidates,
                              .models = routed,
                              .steering = record.steering ? &*record.steering : nullptr,
                              .model_filter = first->require.empty() ? nullptr : &first->require,
                              .caller_filter = caller == keys_.end() ? nullptr : caller->second,
                              .bound = bound_of(record, planned.candidates),
                              .strict = record.strict,
                              .long_prompts_go_elsewhere = !first->on_context_length.empty(),
                              .try_when_all_open = first->breaker.try_when_all_open,
                              .draw = record.draw});
    return planned;
}

void Replay::compare_figures(RecordedDecision const& record, Candidate const& before, Candidate const& after) {
    auto const cost_at = [&record](Candidate const& candidate) {
        bool const is_bound = record.bound && record.targets[record.bound->target].name == candidate.name;
        return expected_cost(record.facts, candidate, is_bound ? record.bound->cached_tokens : 0);
    };
    auto const cost_before = cost_at(before);
    auto const cost_after = cost_at(after);
    if (cost_before && cost_after) cost.add(cost_before->count, cost_after->count);
    auto const time_before = usual_time(before, record.facts.stream);
    auto const time_after = usual_time(after, record.facts.stream);
    if (time_before > 0 && time_after > 0) latency.add(time_before, time_after);
    if (before.measured.requests > 0 && after.measured.requests > 0) {
        failures.add(failures_per_million(before.measured), failures_per_million(after.measured));
    }
}

void Replay::compare(RecordedDecision const& record, Planned const& planned, bool first_attempt_failed) {
    auto const* const before = record.order.empty() ? nullptr : &record.targets[record.order.front().target];
    auto const* const after =
        planned.plan.order.empty() ? nullptr : &planned.candidates[planned.plan.order.front().target];
    auto const from = before == nullptr ? std::string(nobody) : before->name;
    auto const to = after == nullptr ? std::string(nobody) : std::string(after->name);
    bool const moves_away = from != to;
    found_none_before += before == nullptr ? 1 : 0;
    no_target += after == nullptr ? 1 : 0;
    no_model += planned.has_model ? 0 : 1;
    failed_first += first_attempt_failed ? 1 : 0;
    failed_first_moved += first_attempt_failed && moves_away ? 1 : 0;
    if (moves_away) {
        ++changed;
        ++moves[{from, to}];
    }
    if (before == nullptr || after == nullptr) return;
    auto old_choice = before->known;
    old_choice.name = before->name;
    auto const price = next_.settings().prices.find(before->name);
    if (price != next_.settings().prices.end()) old_choice.price = &price->second;
    if (!moves_away) old_choice.price = after->price;
    compare_figures(record, old_choice, *after);
}

void Replay::add(std::string_view line) {
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
    ++lines;
    thread_local JsonIndex index;
    auto const root = index.read(line);
    if (!root || !root->is(JsonType::object)) {
        ++bad;
        return;
    }
    std::string_view decision;
    std::string_view id;
    std::string key;
    bool failed = false;
    for (auto const& member : root->members()) {
        if (member.named("decision")) decision = member.value.raw();
        if (member.named("request_id")) id = member.value.string();
        if (member.named("key")) key = member.value.unescaped();
        if (member.named("attempts")) failed = first_failed(member.value);
    }
    if (decision.empty()) {
        ++without;
        return;
    }
    auto const record = read_decision(decision);
    if (!record) {
        ++bad;
        return;
    }
    ++decisions;
    auto const planned = plan_again(*record, key);
    if (record->config == next_.settings().hash) {
        bool const same = planned.has_model && is_same_plan(*record, planned.plan);
        ++(same ? verified : differing);
        if (!same && first_difference.empty()) first_difference = id;
    }
    compare(*record, planned, failed);
}

}  // namespace sluice::cli
