#include "core/policy/planner.hpp"

#include <catch2/catch.hpp>

using namespace sluice;

namespace {

Plan plan(std::vector<Candidate> const& candidates) {
    RequestFacts const facts;
    RoutedModel const model{.candidate_count = candidates.size()};
    return make_plan({.facts = facts, .candidates = candidates, .models = {&model, 1}});
}

Candidate open_breaker(milliseconds wait) {
    return {.name = "a/x", .breaker = BreakerState::open, .breaker_refuses = true, .time_to_probe = wait};
}
Candidate benched(Bench reason, milliseconds wait) {
    return {.name = "b/y", .credential_free = false, .bench = reason, .time_to_credential = wait};
}
Candidate full() { return {.name = "c/z", .in_flight = 4, .max_in_flight = 4}; }

}  // namespace

TEST_CASE("fallback keeps the order of the configuration", "[planner]") {
    auto const made = plan({Candidate{}, Candidate{}, Candidate{}});
    REQUIRE(made.order.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(made.order[i].target == i);
    CHECK(made.order[0].reason == "fallback: first");
    CHECK(made.order[1].reason == "fallback: next in order");
    CHECK(made.excluded.empty());
}

TEST_CASE("a target that can't be used is left out with its reason", "[planner]") {
    struct Row {
        Candidate candidate;
        Exclusion why;
        milliseconds wait;
    };
    auto row = GENERATE(values<Row>({
        {open_breaker(seconds(3)), Exclusion::breaker_open, seconds(3)},
        {benched(Bench::auth, seconds(60)), Exclusion::credentials_benched, seconds(60)},
        {full(), Exclusion::target_full, seconds(1)},
    }));
    CAPTURE(to_string(row.why));
    auto const made = plan({row.candidate, Candidate{}});
    REQUIRE(made.order.size() == 1);
    CHECK(made.order[0].target == 1);
    REQUIRE(made.excluded.size() == 1);
    CHECK(made.excluded[0].target == 0);
    CHECK(made.excluded[0].why == row.why);
    CHECK(made.excluded[0].time_left == row.wait);
}

TEST_CASE("a target whose probe is due is planned as one", "[planner]") {
    auto const made = plan({Candidate{.breaker = BreakerState::half_open}});
    REQUIRE(made.order.size() == 1);
    CHECK(made.order[0].reason == "fallback: probe");
}

TEST_CASE("a provider without a limit is never full", "[planner]") {
    CHECK(plan({Candidate{.in_flight = 1'000'000}}).order.size() == 1);
}

TEST_CASE("the error of an empty plan names the shared cause and the shortest wait", "[planner]") {
    struct Row {
        char const* name;
        std::vector<Candidate> candidates;
        ErrorKind kind;
        std::optional<milliseconds> wait;
    };
    auto row = GENERATE(values<Row>({
        {"no target at all", {}, ErrorKind::no_upstream_available, std::nullopt},
        {"breakers",
         {open_breaker(seconds(9)), open_breaker(seconds(4))},
         ErrorKind::no_upstream_available,
         seconds(4)},
        {"rate limits", {benched(Bench::rate_limited, seconds(2))}, ErrorKind::upstream_rate_limited, seconds(2)},
        {"refused keys", {benched(Bench::auth, seconds(60))}, ErrorKind::upstream_auth, seconds(60)},
        {"spent accounts", {benched(Bench::quota, seconds(60))}, ErrorKind::upstream_quota_exhausted, seconds(60)},
        {"full", {full()}, ErrorKind::overloaded, seconds(1)},
        {"several causes", {open_breaker(seconds(9)), full()}, ErrorKind::no_upstream_available, seconds(1)},
        {"several benches",
         {benched(Bench::auth, seconds(60)), benched(Bench::rate_limited, seconds(2))},
         ErrorKind::no_upstream_available,
         seconds(2)},
    }));
    CAPTURE(row.name);
    auto const error = nothing_planned(row.candidates, plan(row.candidates));
    CHECK(error.kind == row.kind);
    CHECK(error.retry_after == row.wait);
    CHECK_FALSE(error.detail.empty());
}
