#include "bench/routing/difficulty.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "bench/routing/upstream.hpp"
#include "core/policy/complexity.hpp"
#include "core/policy/planner.hpp"
#include "core/types/settings.hpp"

namespace sluice::routing {
namespace {

constexpr double most_difficult = 100;
constexpr double failed_after = 0.1;           ///< seconds
constexpr std::int64_t question_tokens = 165;  ///< of what a classifier is asked, without the request's text
constexpr std::int64_t verdict_tokens = 2;

/// Requests of one kind. Size and number do not tell the difficulty: a long text may be easy to sum up, and a line of
/// mathematics hard.
struct Kind {
    double share = 0;
    double difficulty = 0;    ///< on average
    double deviation = 0;     ///< sigma around it
    double input_tokens = 0;  ///< the median
    double messages = 0;      ///< beyond the first, on average
    double with_tools = 0;    ///< share of these, as the next ones
    double with_schema = 0;
    double with_reasoning = 0;
    double with_image = 0;
    double output_tokens = 0;  ///< the median
};

constexpr std::array kinds{
    Kind{.share = 0.25, .difficulty = 12, .deviation = 8, .input_tokens = 60, .messages = 2, .output_tokens = 60},
    Kind{.share = 0.20,
         .difficulty = 30,
         .deviation = 12,
         .input_tokens = 150,
         .messages = 2,
         .with_image = 0.05,
         .output_tokens = 150},  // a question
    Kind{.share = 0.15,
         .difficulty = 28,
         .deviation = 10,
         .input_tokens = 4'000,
         .messages = 1,
         .output_tokens = 250},  // a long text to sum up
    Kind{.share = 0.12,
         .difficulty = 30,
         .deviation = 10,
         .input_tokens = 900,
         .messages = 1,
         .with_schema = 0.9,
         .with_image = 0.1,
         .output_tokens = 120},  // data from a text
    Kind{.share = 0.15,
         .difficulty = 52,
         .deviation = 14,
         .input_tokens = 700,
         .messages = 6,
         .with_reasoning = 0.1,
         .output_tokens = 500},  // writing, explaining, coding
    Kind{.share = 0.08,
         .difficulty = 65,
         .deviation = 15,
         .input_tokens = 6'000,
         .messages = 12,
         .with_tools = 0.95,
         .with_reasoning = 0.3,
         .output_tokens = 400},  // an agent
    Kind{.share = 0.05,
         .difficulty = 85,
         .deviation = 10,
         .input_tokens = 200,
         .messages = 1,
         .with_reasoning = 0.5,
         .output_tokens = 900},  // a short, hard problem
};

struct Question {
    double difficulty = 0;
    RequestFacts facts{};
    std::int64_t output = 0;
};

class Questions {
public:
    explicit Questions(std::uint64_t seed) : random_(seed) {}

    Question draw() {
        auto const& kind = draw_kind();
        Question question;
        question.difficulty =
            std::clamp(std::normal_distribution<double>(kind.difficulty, kind.deviation)(random_), 0.0, most_difficult);
        // Within its kind, a request that is 25 points harder has twice the prompt and the answer.
        auto const longer = std::exp2((question.difficulty - kind.difficulty) / 25);
        auto& facts = question.facts;
        facts.stream = true;
        facts.input_tokens = length(kind.input_tokens * longer, 0.8);
        facts.messages = 1 + std::poisson_distribution<unsigned>(kind.messages)(random_);
        if (chance(kind.with_tools)) {
            facts.needs.add(Capability::tools);
            facts.tools = 1 + std::poisson_distribution<unsigned>(5)(random_);
        }
        if (chance(kind.with_schema)) facts.needs.add(Capability::json_schema);
        if (chance(kind.with_reasoning)) facts.needs.add(Capability::reasoning);
        if (chance(kind.with_image)) facts.needs.add(Capability::vision);
        question.output = length(kind.output_tokens * longer, 0.6);
        // A third say how long the answer may be: some powers of two beyond what it will be.
        if (chance(1.0 / 3)) {
            auto const room = std::uniform_int_distribution<unsigned>(0, 3)(random_);
            facts.output_tokens = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(question.output)))
                                  << room;
        }
        facts.complexity = complexity_of(facts);
        return question;
    }

private:
    Kind const& draw_kind() {
        auto left = std::uniform_real_distribution<double>()(random_);
        for (auto const& kind : kinds) {
            left -= kind.share;
            if (left < 0) return kind;
        }
        return kinds.back();
    }
    bool chance(double share) { return std::uniform_real_distribution<double>()(random_) < share; }
    std::int64_t length(double median, double spread) {
        return 1 + static_cast<std::int64_t>(std::lognormal_distribution<double>(std::log(median), spread)(random_));
    }

    Random random_;
};

class DifficultySimulation {
public:
    explicit DifficultySimulation(DifficultyScenario const& scenario)
        : scenario_(scenario), questions_(scenario.seed), random_(scenario.seed) {
        auto& route = scenario_.route;
        bool const is_preset = !route.members.empty();
        for (std::size_t i = 0; i < targets_.size(); ++i) {
            if (!is_preset) route.members.push_back({.index = i});
            candidates_.push_back(
                {.name = targets_[i].name, .provider = targets_[i].name, .price = &targets_[i].price});
        }
        route_.assign(1, route);
    }

    DifficultyFigures run() {
        for (std::uint64_t i = 0; i < scenario_.requests; ++i) serve(questions_.draw());
        figures_.requests = scenario_.requests;
        auto const answered = static_cast<double>(figures_.requests - figures_.failures);
        figures_.mean_latency = latency_ / answered;
        figures_.cost = cost_ / answered / 1'000;
        figures_.classifier_cost = classifier_cost_ / answered / 1'000;
        return figures_;
    }

private:
    void serve(Question question) {
        double time = 0;
        if (scenario_.judge == Judge::oracle) question.facts.complexity = rounded(question.difficulty);
        if (scenario_.judge == Judge::classifier) time += ask_classifier(question);
        RoutedModel const model{.routes = route_, .candidate_count = candidates_.size()};
        auto const plan =
            make_plan({.facts = question.facts, .candidates = candidates_, .models = {&model, 1}, .draw = random_()});
        for (auto const& planned : plan.order) {
            auto const& target = targets_[planned.target];
            if (fails(target)) {
                time += failed_after;
                continue;
            }
            latency_ += time + target.draw_first_token(0, 0, random_);
            cost_ += nano_dollars({.input = question.facts.input_tokens, .output = question.output}, target);
            if (question.difficulty >= target.answers_below) ++figures_.misses;
            return;
        }
        ++figures_.failures;
    }

    /// The seconds that it took. Where it fails or is late, the facts' figure stays.
    double ask_classifier(Question& question) {
        if (fails(classifier_)) return failed_after;
        auto const seen = std::min<std::int64_t>(question.facts.input_tokens / question.facts.messages,
                                                 static_cast<std::int64_t>(settings_.max_input / 4));
        auto const cost = nano_dollars({.input = question_tokens + seen, .output = verdict_tokens}, classifier_);
        cost_ += cost;
        classifier_cost_ += cost;
        auto const error = std::normal_distribution<double>()(random_) * scenario_.classifier_error;
        auto const time = classifier_.draw_first_token(0, 0, random_);
        auto const timeout = std::chrono::duration<double>(settings_.timeout).count();
        if (time <= timeout) question.facts.complexity = rounded(question.difficulty + error);
        return std::min(time, timeout);
    }

    bool fails(TargetModel const& target) {
        return std::uniform_real_distribution<double>()(random_) < target.failing_at(0);
    }
    static unsigned rounded(double complexity) {
        return static_cast<unsigned>(std::clamp(complexity, 0.0, most_difficult));
    }
    static double nano_dollars(Usage const& usage, TargetModel const& target) {
        return static_cast<double>(cost_of(usage, target.price).count);
    }

    DifficultyScenario scenario_;
    Questions questions_;
    Random random_;
    std::vector<TargetModel> targets_ = three_strengths();
    TargetModel classifier_ = classifier_model();
    ClassifierSettings settings_{};
    std::vector<RouteSettings> route_{};
    std::vector<Candidate> candidates_{};
    DifficultyFigures figures_{};
    double latency_ = 0;  ///< seconds
    double cost_ = 0;     ///< nano-dollars, as the next one
    double classifier_cost_ = 0;
};

}  // namespace

DifficultyFigures run(DifficultyScenario const& scenario) { return DifficultySimulation(scenario).run(); }

}  // namespace sluice::routing
