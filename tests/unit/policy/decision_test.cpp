#include "core/policy/decision.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <random>

#include "core/types/settings.hpp"

using namespace sluice;

namespace {

/// Random values, extremes more often than chance would have them.
class Dice {
public:
    explicit Dice(std::uint64_t seed) : random_(seed) {}

    bool coin() { return (random_() & 1U) != 0; }
    template <class Number>
    Number number() {
        using limits = std::numeric_limits<Number>;
        switch (random_() % 6) {
            case 0:
                return 0;
            case 1:
                return limits::max();
            case 2:
                return limits::min();
            default:
                return static_cast<Number>(random_() >> (random_() % 64));
        }
    }
    std::size_t below(std::size_t count) { return random_() % count; }
    std::string text() {
        std::string made;
        for (auto left = below(12); left > 0; --left) made += static_cast<char>(random_());
        return made;
    }
    std::vector<std::string> texts() {
        std::vector<std::string> made(below(3));
        for (auto& one : made) one = text();
        return made;
    }
    ByPercentile percentiles() {
        ByPercentile made{};
        if (coin()) {
            for (auto& one : made) one = number<std::uint32_t>();
        }
        return made;
    }

private:
    std::mt19937_64 random_;
};

/// One choice with all that it refers to.
struct Case {
    explicit Case(Dice& dice);

    DecisionView view() const { return {.config = "abc123", .models = models, .input = input(), .plan = plan}; }
    PlanInput const& input() const { return *input_; }
    RequestFacts facts;
    std::optional<Steering> steering;
    std::vector<std::string> names;
    std::vector<Candidate> candidates;
    std::vector<RoutedModel> routed;
    std::vector<DecisionModel> models;
    std::optional<PlanInput> input_;
    Plan plan;
};

Measured measured(Dice& dice) {
    return {.requests = dice.number<std::uint32_t>(),
            .failures = dice.number<std::uint32_t>(),
            .first_token_us = dice.percentiles(),
            .answer_us = dice.percentiles(),
            .tokens_per_second = dice.percentiles(),
            .us_per_output_token = dice.number<std::uint32_t>(),
            .mean_output_tokens = dice.number<std::uint32_t>(),
            .cached_permille = dice.number<std::uint32_t>(),
            .resumed = dice.number<std::uint32_t>()};
}

Steering steering(Dice& dice) {
    Steering made{.models = dice.texts(),
                  .order = dice.texts(),
                  .only = dice.texts(),
                  .ignore = dice.texts(),
                  .allow_fallbacks = dice.coin(),
                  .require_parameters = dice.coin(),
                  .sort = static_cast<SortBy>(dice.below(4)),
                  .pool_models = dice.coin(),
                  .free_only = dice.coin(),
                  .filter = {.regions = dice.texts(),
                             .quantizations = dice.texts(),
                             .zero_retention = dice.coin(),
                             .no_training = dice.coin()},
                  .max_first_token_us = dice.percentiles(),
                  .min_tokens_per_second = dice.percentiles()};
    if (dice.coin()) made.filter.max_input_price = PricePerMillion{NanoUsd{dice.number<std::int64_t>()}};
    if (dice.coin()) made.filter.max_output_price = PricePerMillion{NanoUsd{dice.number<std::int64_t>()}};
    return made;
}

Candidate candidate(Dice& dice, std::string_view name) {
    Candidate made{.name = name,
                   .provider = name.substr(0, name.find('/')),
                   .breaker = static_cast<BreakerState>(dice.below(3)),
                   .breaker_refuses = dice.below(4) == 0,
                   .time_to_probe = milliseconds(dice.number<std::int32_t>()),
                   .credential_free = dice.below(4) != 0,
                   .bench = static_cast<Bench>(dice.below(4)),
                   .time_to_credential = milliseconds(dice.number<std::int32_t>()),
                   .in_flight = dice.number<unsigned>(),
                   .max_in_flight = dice.number<unsigned>(),
                   .takes_request = dice.below(4) != 0,
                   .loses_nothing = dice.coin(),
                   .measured = dice.coin() ? measured(dice) : Measured()};
    if (dice.coin()) made.headroom_permille = dice.number<std::uint32_t>();
    return made;
}

Case::Case(Dice& dice) {
    facts = {.needs = {dice.number<std::uint16_t>()},
             .stream = dice.coin(),
             .input_tokens = dice.number<std::int32_t>(),
             .output_tokens = dice.number<std::int32_t>(),
             .messages = dice.number<unsigned>(),
             .tools = dice.number<unsigned>(),
             .complexity = static_cast<unsigned>(dice.below(101))};
    if (dice.coin()) steering = ::steering(dice);
    auto const count = 1 + dice.below(6);
    for (std::size_t i = 0; i < count; ++i) names.push_back("p" + std::to_string(i) + "/" + dice.text());
    for (auto const& name : names) candidates.push_back(candidate(dice, name));
    auto const first = 1 + dice.below(count);
    routed = {{.routes = {}, .first_candidate = 0, .candidate_count = first}};
    models = {{.name = "smart-*", .star = "x", .first_candidate = 0, .candidate_count = first}};
    if (first < count) {
        routed.push_back({.routes = {}, .first_candidate = first, .candidate_count = count - first});
        models.push_back({.name = "spare", .first_candidate = first, .candidate_count = count - first});
    }
    input_.emplace(PlanInput{.facts = facts,
                             .candidates = candidates,
                             .models = routed,
                             .steering = steering ? &*steering : nullptr,
                             .strict = dice.coin(),
                             .try_when_all_open = dice.coin(),
                             .draw = dice.number<std::uint64_t>()});
    if (dice.coin()) input_->bound = BoundTarget{dice.below(count), dice.number<std::int32_t>()};
    plan = make_plan(*input_);
}

bool same(Candidate const& a, Candidate const& b) {
    return a.breaker == b.breaker && a.breaker_refuses == b.breaker_refuses && a.time_to_probe == b.time_to_probe &&
           a.credential_free == b.credential_free && a.bench == b.bench &&
           a.time_to_credential == b.time_to_credential && a.in_flight == b.in_flight &&
           a.max_in_flight == b.max_in_flight && a.takes_request == b.takes_request &&
           a.loses_nothing == b.loses_nothing && a.headroom_permille == b.headroom_permille && a.measured == b.measured;
}

/// Plans again from the record alone.
Plan replayed(RecordedDecision const& record, Case const& original) {
    std::vector<Candidate> candidates;
    for (auto const& target : record.targets) {
        candidates.push_back(target.known);
        candidates.back().name = target.name;
        candidates.back().provider = target.provider;
    }
    std::vector<RoutedModel> models;
    for (auto const& model : record.models) {
        models.push_back(
            {.routes = {}, .first_candidate = model.first_candidate, .candidate_count = model.candidate_count});
    }
    return make_plan({.facts = record.facts,
                      .candidates = candidates,
                      .models = models,
                      .steering = record.steering ? &*record.steering : nullptr,
                      .bound = record.bound,
                      .strict = record.strict,
                      .try_when_all_open = original.input().try_when_all_open,
                      .draw = record.draw});
}

}  // namespace

TEST_CASE("a record gives back what the planner saw and said, bit for bit", "[decision]") {
    for (std::uint64_t seed = 0; seed < 3000; ++seed) {
        Dice dice(seed);
        Case const original(dice);
        auto const json = decision_json(original.view());
        CAPTURE(seed, json);
        auto const read = read_decision(json);
        if (!read) FAIL(read.error().detail.str());
        bool same_input = read->facts == original.facts && read->steering == original.steering &&
                          read->draw == original.input().draw && read->config == "abc123" &&
                          read->models.size() == original.models.size() && read->models[0].star == "x" &&
                          read->bound.has_value() == original.input().bound.has_value();
        if (read->bound) {
            same_input &= read->bound->target == original.input().bound->target &&
                          read->bound->cached_tokens == original.input().bound->cached_tokens;
        }
        same_input &= read->targets.size() == original.candidates.size();
        for (std::size_t i = 0; same_input && i < original.candidates.size(); ++i) {
            same_input = same(read->targets[i].known, original.candidates[i]) &&
                         read->targets[i].name == original.candidates[i].name &&
                         read->targets[i].provider == original.candidates[i].provider;
        }
        REQUIRE(same_input);
        REQUIRE(is_same_plan(*read, original.plan));
        REQUIRE(replayed(*read, original) == original.plan);
    }
}

TEST_CASE("a record of a plain choice is short", "[decision]") {
    RequestFacts const facts{.input_tokens = 12, .messages = 1};
    std::vector const candidates{Candidate{.name = "openai/gpt", .provider = "openai"}};
    std::vector const models{DecisionModel{.name = "fast", .candidate_count = 1}};
    PlanInput const input{.facts = facts, .candidates = candidates, .draw = 7};
    Plan const plan{.order = {{.target = 0, .reason = "fallback: first"}}, .excluded = {}};
    CHECK(decision_json({.config = "9f", .models = models, .input = input, .plan = plan}) ==
          R"({"v":1,"config":"9f","models":[{"name":"fast","count":1}],"facts":{"in":12,"messages":1},"draw":7,)"
          R"("targets":[{"name":"openai/gpt"}]})");
}

TEST_CASE("a record that would be too long is none", "[decision]") {
    RequestFacts const facts;
    Steering const steering{.only = std::vector<std::string>(64, std::string(256, '\xff'))};
    Plan const plan;
    PlanInput const input{.facts = facts, .candidates = {}, .steering = &steering};
    CHECK(decision_json({.input = input, .plan = plan}).empty());
}

TEST_CASE("what is no record is refused", "[decision]") {
    auto const json =
        GENERATE("", "{", "[]", "{}", R"({"v":2})", R"({"v":1,"draw":-1})", R"({"v":1,"order":[[0,"x",1]]})",
                 R"({"v":1,"facts":{"in":1.5}})", R"({"v":1,"targets":[{"breaker":3}]})", R"({"v":1,"bound":[0,1]})",
                 R"({"v":1,"targets":[{}],"order":[[0,1,1]]})", R"({"v":1,"config":"\u0100"})");
    CHECK_FALSE(read_decision(json));
}
