#include "bench/routing/simulation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <queue>

#include "bench/routing/tally.hpp"
#include "bench/routing/upstream.hpp"
#include "core/policy/hedge_budget.hpp"
#include "core/policy/planner.hpp"
#include "core/policy/retry.hpp"
#include "core/policy/retry_budget.hpp"

namespace sluice::routing {
namespace {

constexpr double think_time = 15;  ///< seconds between two turns of a session, on average
constexpr int turns = 8;
constexpr double cache_lives = 300;
constexpr double request_timeout = 60;

/// A conversation: each turn's prompt holds what came before.
struct Session {
    int turns_left = turns;
    std::int64_t prompt = 0;
    std::vector<std::pair<std::int64_t, double>> cached;  ///< by target: tokens, until when
    std::optional<std::size_t> served_by;
};

struct Attempt {
    std::size_t target = 0;
    double begun = 0;
    Breaker::Pass pass = Breaker::Pass::normal;
    Upstream::Outcome outcome{};
    bool under_way = false;
};

struct Request {
    std::size_t session = 0;
    double begun = 0;
    RequestFacts facts{};
    std::int64_t output = 0;
    Plan plan{};
    std::size_t place = 0;              ///< of the first attempt in the plan
    std::array<Attempt, 2> attempts{};  ///< the running one, and a hedge
    unsigned made = 0;
    unsigned failures_here = 0;
    bool answered = false;
    bool counted = false;
};

enum class What : std::uint8_t { new_session, turn, outcome, hedge, again, answer_ends };

struct Event {
    double time = 0;
    std::uint64_t number = 0;  ///< order of events at the same time
    What what = What::turn;
    std::size_t subject = 0;  ///< a session or a request
    unsigned attempt = 0;
    unsigned made = 0;  ///< Request::made when it was set up: later ones make it void
    bool operator>(Event const& other) const { return time != other.time ? time > other.time : number > other.number; }
};

class Simulation {
public:
    explicit Simulation(Scenario const& scenario) : scenario_(scenario), random_(scenario.seed) {
        upstreams_.reserve(scenario_.targets.size());
        for (std::size_t i = 0; i < scenario_.targets.size(); ++i) {
            upstreams_.emplace_back(scenario_.targets[i]);
            scenario_.route.members.push_back({.index = i, .weight = 1});
        }
        route_.assign(1, scenario_.route);
        candidates_.resize(upstreams_.size());
    }

    Figures run() {
        at(0, What::new_session, 0);
        while (!events_.empty() && events_.top().time < scenario_.duration) {
            auto const event = events_.top();
            events_.pop();
            now_ = event.time;
            handle(event);
        }
        return tally_.finished(std::chrono::duration<double>(scenario_.route.slo.first_token).count());
    }

private:
    void at(double time, What what, std::size_t subject, unsigned attempt = 0, unsigned made = 0) {
        events_.push({time, ++event_count_, what, subject, attempt, made});
    }
    Instant instant() const { return instant_at(now_); }
    double unit() { return std::uniform_real_distribution<double>()(random_); }
    double exponential(double mean) { return std::exponential_distribution<double>(1 / mean)(random_); }

    void handle(Event const& event) {
        switch (event.what) {
            case What::new_session:
                at(now_ + exponential(turns / scenario_.requests_per_second), What::new_session, 0);
                return begin_session();
            case What::turn:
                return begin_request(event.subject);
            case What::outcome:
                return finish_attempt(event.subject, event.attempt, event.made);
            case What::hedge:
                return hedge(event.subject, event.made);
            case What::again:
                return start_attempt(event.subject, 0);
            case What::answer_ends:
                return end_answer(event.subject, event.attempt);
        }
    }

    void begin_session() {
        auto& session = sessions_.emplace_back();
        session.prompt = 300 + static_cast<std::int64_t>(exponential(1'500));
        session.cached.resize(upstreams_.size());
        begin_request(sessions_.size() - 1);
    }

    void begin_request(std::size_t session_number) {
        auto& session = sessions_[session_number];
        --session.turns_left;
        std::lognormal_distribution<double> length(5.3, 0.6);
        auto& request = requests_.emplace_back();
        request.session = session_number;
        request.begun = now_;
        request.facts = {.stream = true, .input_tokens = session.prompt};
        request.output = 1 + static_cast<std::int64_t>(length(random_));
        request.counted = now_ >= scenario_.count_from && now_ < scenario_.count_to;
        if (request.counted) ++tally_.figures.requests;
        auto const number = requests_.size() - 1;
        choose(request, session);
        auto const& plan = request.plan;
        NanoUsd cost{0};
        if (!plan.order.empty()) {
            cost = expected_cost(request.facts, candidates_[plan.order[0].target]).value_or(cost);
        }
        retry_budget_.count_request(instant());
        hedge_budget_.count_request(instant(), cost);
        if (plan.order.empty()) return fail(number);
        start_attempt(number, 0);
    }

    void choose(Request& request, Session const& session) {
        for (std::size_t i = 0; i < upstreams_.size(); ++i) candidates_[i] = upstreams_[i].candidate(instant());
        if (scenario_.chooser != Chooser::planner) return choose_by_truth(request);
        RoutedModel const model{.routes = route_, .candidate_count = candidates_.size()};
        std::optional<BoundTarget> bound;
        if (scenario_.affinity && session.served_by) {
            auto const& [tokens, until] = session.cached[*session.served_by];
            bound = BoundTarget{.target = *session.served_by, .cached_tokens = until > now_ ? tokens : 0};
        }
        request.plan = make_plan({.facts = request.facts,
                                  .candidates = candidates_,
                                  .models = {&model, 1},
                                  .bound = bound,
                                  .draw = random_()});
    }

    /// The lower the better, known now; the planner's own rules are not asked.
    double truth(std::size_t target, Request const& request) {
        auto const& upstream = upstreams_[target];
        auto const& model = scenario_.targets[target];
        auto const failing = model.failing_at(now_);
        auto const cost = static_cast<double>(expected_cost(request.facts, candidates_[target])->count);
        if (upstream.would_refuse(now_)) return 1e15;
        auto const mean = model.mean_first_token(now_, upstream.in_flight()) + failing * 0.6;
        if (scenario_.chooser == Chooser::oracle_latency) return mean;
        if (failing >= 0.25) return 1e12 + cost;
        if (scenario_.chooser == Chooser::oracle_cost) return cost;
        auto const bound = std::chrono::duration<double>(scenario_.route.slo.first_token).count();
        return model.p95_first_token(now_, upstream.in_flight()) <= bound ? cost : 1e9 + cost;
    }

    void choose_by_truth(Request& request) {
        std::vector<std::pair<double, std::size_t>> ranked;
        ranked.reserve(upstreams_.size());
        for (std::size_t i = 0; i < upstreams_.size(); ++i) ranked.emplace_back(truth(i, request), i);
        std::sort(ranked.begin(), ranked.end());
        for (auto const& [value, target] : ranked) request.plan.order.push_back({.target = target});
    }

    void start_attempt(std::size_t number, unsigned which) {
        auto& request = requests_[number];
        if (request.answered) return;
        auto& upstream = upstreams_[request.plan.order[request.place + which].target];
        auto& attempt = request.attempts[which];
        attempt = {.target = request.plan.order[request.place + which].target, .begun = now_};
        attempt.pass = upstream.try_pass(instant());
        if (attempt.pass == Breaker::Pass::refused) {
            // It opened since the plan was made. Nothing was sent, so this is no retry.
            if (which != 0) return;
            if (request.place + 1 >= request.plan.order.size()) return fail(number);
            ++request.place;
            return start_attempt(number, 0);
        }
        attempt.under_way = true;
        if (request.counted) ++tally_.figures.attempts;
        if (which == 0) ++request.made;
        attempt.outcome = upstream.send(now_, random_);
        at(now_ + attempt.outcome.after, What::outcome, number, which, request.made);
        if (which != 0 || !scenario_.hedge || request.place + 1 >= request.plan.order.size()) return;
        auto const delay = hedge_delay({.enabled = true}, upstream.candidate(instant()).measured);
        if (delay) at(now_ + std::chrono::duration<double>(*delay).count(), What::hedge, number, 0, request.made);
    }

    void hedge(std::size_t number, unsigned made) {
        auto& request = requests_[number];
        if (request.answered || request.made != made || !request.attempts[0].under_way) return;
        auto const& second = candidates_[request.plan.order[request.place + 1].target];
        auto const cost = expected_cost(request.facts, second).value_or(NanoUsd{0});
        if (!hedge_budget_.try_take(instant(), cost, scenario_.hedge_percent)) return;
        if (request.counted) ++tally_.figures.hedges;
        start_attempt(number, 1);
    }

    void finish_attempt(std::size_t number, unsigned which, unsigned made) {
        auto& request = requests_[number];
        auto& attempt = request.attempts[which];
        if (!attempt.under_way || request.made != made) return;
        auto& upstream = upstreams_[attempt.target];
        if (attempt.outcome.error) {
            attempt.under_way = false;
            upstream.failed(*attempt.outcome.error, instant(), attempt.pass, unit());
            if (!request.attempts[1 - which].under_way) retry(number, *attempt.outcome.error);
            return;
        }
        upstream.succeeded(instant(), attempt.pass);
        answer(number, which);
    }

    void answer(std::size_t number, unsigned which) {
        auto& request = requests_[number];
        auto& attempt = request.attempts[which];
        auto& session = sessions_[request.session];
        request.answered = true;
        if (auto& loser = request.attempts[1 - which]; loser.under_way) {
            loser.under_way = false;
            upstreams_[loser.target].cancelled(loser.pass);
            if (request.counted) tally_.lost(request.facts.input_tokens, scenario_.targets[loser.target].price);
        }
        auto& [tokens, until] = session.cached[attempt.target];
        bool const cheaper =
            scenario_.targets[attempt.target].price.cached_input < scenario_.targets[attempt.target].price.input;
        auto const cached = until > now_ && cheaper ? std::min(tokens, request.facts.input_tokens) : 0;
        attempt.outcome.cached = cached;
        attempt.outcome.resumed = session.served_by == attempt.target;
        tokens = request.facts.input_tokens;
        until = now_ + cache_lives;
        session.served_by = attempt.target;
        if (request.counted) account(request, attempt);
        auto const& model = scenario_.targets[attempt.target];
        auto const ends = now_ + static_cast<double>(request.output) / model.tokens_per_second;
        at(ends, What::answer_ends, number, which);
    }

    void account(Request const& request, Attempt const& attempt) {
        Usage const usage{
            .input = request.facts.input_tokens, .output = request.output, .cached_input = attempt.outcome.cached};
        tally_.answered(now_ - request.begun, usage, scenario_.targets[attempt.target].price);
    }

    void end_answer(std::size_t number, unsigned which) {
        auto& request = requests_[number];
        auto const& attempt = request.attempts[which];
        auto in_clock = [](double length) {
            return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(length));
        };
        upstreams_[attempt.target].answered({.verdict = Verdict::success,
                                             .first_token = in_clock(attempt.outcome.after),
                                             .duration = in_clock(now_ - attempt.begun),
                                             .input_tokens = request.facts.input_tokens,
                                             .output_tokens = request.output,
                                             .cached_tokens = attempt.outcome.cached,
                                             .resumed_session = attempt.outcome.resumed},
                                            instant());
        request.plan = {};
        sessions_[request.session].prompt += request.output + 60;
        next_turn(request.session);
    }

    void next_turn(std::size_t session) {
        if (sessions_[session].turns_left > 0) at(now_ + exponential(think_time), What::turn, session);
    }

    void fail(std::size_t number) {
        auto& request = requests_[number];
        request.answered = true;
        if (request.counted) ++tally_.figures.failures;
        next_turn(request.session);
    }

    void retry(std::size_t number, Error const& error) {
        auto& request = requests_[number];
        auto place = request.place + 1;
        while (place < request.plan.order.size() && upstreams_[request.plan.order[place].target].refuses(instant())) {
            ++place;
        }
        ++request.failures_here;
        auto const left = request_timeout - (now_ - request.begun);
        AttemptHistory const history{.attempts = request.made,
                                     .failures_here = request.failures_here,
                                     .target_left = place < request.plan.order.size(),
                                     .time_left = milliseconds(std::llround(left * 1'000))};
        auto const decision = next_step(error, history, {.attempts = scenario_.attempts}, unit());
        if (decision.step == NextStep::give_up) return fail(number);
        bool const moves_on = decision.step == NextStep::other_target;
        bool const repeats = !moves_on || scenario_.one_provider;
        if (repeats && scenario_.retry_budget && !retry_budget_.try_take(instant())) return fail(number);
        if (moves_on) {
            request.place = place;
            request.failures_here = 0;
        }
        at(now_ + std::chrono::duration<double>(decision.wait).count(), What::again, number);
    }

    Scenario scenario_;
    Random random_;
    double now_ = 0;
    std::vector<Upstream> upstreams_{};
    std::vector<RouteSettings> route_{};
    std::vector<Candidate> candidates_{};
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events_{};
    std::uint64_t event_count_ = 0;
    std::vector<Session> sessions_{};
    std::vector<Request> requests_{};
    RetryBudget retry_budget_{RetrySettings().max_extra_load_percent};
    HedgeBudget hedge_budget_{};
    Tally tally_{};
};

}  // namespace

Figures run(Scenario const& scenario) { return Simulation(scenario).run(); }

}  // namespace sluice::routing
