#include "core/policy/breaker.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace sluice;
using Pass = Breaker::Pass;

namespace {

Instant const start = Instant() + seconds(1'000);
constexpr double middle = 0.5;  // the draw that leaves a wait as it is

void fail(Breaker& breaker, unsigned times, Instant now) {
    for (unsigned i = 0; i < times; ++i) breaker.failed(now, Pass::normal, middle);
}

Breaker opened_at(Instant now) {
    Breaker breaker(BreakerSettings{});
    fail(breaker, 5, now);
    return breaker;
}

}  // namespace

TEST_CASE("five failures in a row open the breaker, four do not", "[breaker]") {
    Breaker breaker(BreakerSettings{});
    fail(breaker, 4, start);
    CHECK(breaker.state(start) == BreakerState::closed);
    fail(breaker, 1, start);
    CHECK(breaker.state(start) == BreakerState::open);
    CHECK(breaker.try_pass(start) == Pass::refused);
}

TEST_CASE("zero for failures in a row leaves only the share of failures to open the breaker", "[breaker]") {
    Breaker breaker(BreakerSettings{.min_requests = 30, .consecutive = 0});
    fail(breaker, 29, start);
    CHECK(breaker.state(start) == BreakerState::closed);
    fail(breaker, 1, start);
    CHECK(breaker.state(start) == BreakerState::open);
}

TEST_CASE("a success between failures starts the row again", "[breaker]") {
    Breaker breaker(BreakerSettings{});
    fail(breaker, 4, start);
    breaker.succeeded(start, Pass::normal);
    fail(breaker, 4, start);
    CHECK(breaker.state(start) == BreakerState::closed);
}

TEST_CASE("the breaker opens by ratio only with enough requests inside the window", "[breaker]") {
    struct Row {
        char const* name;
        unsigned pairs;  // of a success and a failure, so that no row of failures builds up
        milliseconds apart;
        BreakerState expected;
    };
    auto row = GENERATE(values<Row>({
        {"half of 18", 9, milliseconds(0), BreakerState::closed},
        {"half of 20", 10, milliseconds(0), BreakerState::open},
        {"half of 20, spread over the window", 10, milliseconds(800), BreakerState::open},
        {"half of 20, spread over twice the window", 10, milliseconds(2'000), BreakerState::closed},
    }));
    CAPTURE(row.name);
    Breaker breaker(BreakerSettings{});
    auto now = start;
    for (unsigned i = 0; i < row.pairs; ++i, now += row.apart) {
        breaker.succeeded(now, Pass::normal);
        breaker.failed(now, Pass::normal, middle);
    }
    CHECK(breaker.state(now) == row.expected);
}

TEST_CASE("fewer failures than the ratio never open the breaker", "[breaker]") {
    Breaker breaker(BreakerSettings{});
    for (int i = 0; i < 1'000; ++i) {
        breaker.succeeded(start, Pass::normal);
        breaker.succeeded(start, Pass::normal);
        breaker.failed(start, Pass::normal, middle);
    }
    CHECK(breaker.state(start) == BreakerState::closed);
}

TEST_CASE("an open breaker lets one probe through when its time is over", "[breaker]") {
    auto breaker = opened_at(start);
    CHECK(breaker.time_to_probe(start) == seconds(5));
    CHECK(breaker.try_pass(start + milliseconds(4'999)) == Pass::refused);
    auto const due = start + seconds(5);
    CHECK(breaker.state(due) == BreakerState::half_open);
    CHECK_FALSE(breaker.refuses(due));
    CHECK(breaker.try_pass(due) == Pass::probe);
    CHECK(breaker.try_pass(due) == Pass::refused);
    CHECK(breaker.refuses(due));
}

TEST_CASE("what a probe's end does to the breaker", "[breaker]") {
    auto breaker = opened_at(start);
    auto const due = start + seconds(5);
    REQUIRE(breaker.try_pass(due) == Pass::probe);
    SECTION("success closes it") {
        breaker.succeeded(due, Pass::probe);
        CHECK(breaker.state(due) == BreakerState::closed);
        fail(breaker, 4, due);
        CHECK(breaker.state(due) == BreakerState::closed);
    }
    SECTION("failure opens it again") {
        breaker.failed(due, Pass::probe, middle);
        CHECK(breaker.state(due) == BreakerState::open);
        CHECK(breaker.try_pass(due) == Pass::refused);
    }
    SECTION("without a verdict the next request may probe") {
        breaker.released(Pass::probe);
        CHECK(breaker.try_pass(due) == Pass::probe);
    }
}

TEST_CASE("requests from before the opening neither close nor prolong it", "[breaker]") {
    auto breaker = opened_at(start);
    auto const until = breaker.time_to_probe(start);
    breaker.succeeded(start, Pass::normal);
    fail(breaker, 20, start);
    CHECK(breaker.state(start) == BreakerState::open);
    CHECK(breaker.time_to_probe(start) == until);
}

TEST_CASE("the wait grows with the outage, up to its cap", "[breaker]") {
    auto breaker = opened_at(start);
    auto now = start;
    milliseconds longest{0};
    while (now < start + seconds(3'600)) {
        auto const wait = breaker.time_to_probe(now);
        auto const outage = std::chrono::duration_cast<milliseconds>(now - start);
        CHECK(wait <= std::max(milliseconds(5'000), outage / 12 + milliseconds(1)));
        CHECK(wait >= longest);
        longest = wait;
        now += wait;
        REQUIRE(breaker.try_pass(now) == Pass::probe);
        breaker.failed(now, Pass::probe, middle);
    }
    CHECK(longest == seconds(60));
}

TEST_CASE("callers of a target that was out for a minute have it back within ten seconds", "[breaker]") {
    auto draw = GENERATE(0.0, 0.5, 0.999);
    CAPTURE(draw);
    Breaker breaker(BreakerSettings{});
    for (int i = 0; i < 5; ++i) breaker.failed(start, Pass::normal, draw);
    auto const recovered = start + seconds(60);
    auto now = start;
    while (true) {
        now += breaker.time_to_probe(now);
        REQUIRE(breaker.try_pass(now) == Pass::probe);
        if (now >= recovered) break;
        breaker.failed(now, Pass::probe, draw);
    }
    CHECK(now - recovered <= seconds(10));
}

TEST_CASE("the random draw spreads the wait by a fifth to both sides", "[breaker]") {
    auto [draw, expected] = GENERATE(table<double, int>({{0.0, 4'000}, {0.5, 5'000}, {0.9999, 5'999}}));
    CAPTURE(draw);
    Breaker breaker(BreakerSettings{});
    for (int i = 0; i < 5; ++i) breaker.failed(start, Pass::normal, draw);
    CHECK(breaker.time_to_probe(start) == milliseconds(expected));
}

TEST_CASE("which failures are the target's", "[breaker]") {
    auto [kind, expected] = GENERATE(table<ErrorKind, Verdict>({
        {ErrorKind::upstream_unavailable, Verdict::failure},
        {ErrorKind::upstream_timeout, Verdict::failure},
        {ErrorKind::upstream_invalid_response, Verdict::failure},
        {ErrorKind::upstream_empty_answer, Verdict::failure},
        {ErrorKind::upstream_server_error, Verdict::failure},
        {ErrorKind::upstream_overloaded, Verdict::failure},
        {ErrorKind::stream_interrupted, Verdict::failure},
        {ErrorKind::upstream_rejected, Verdict::success},
        {ErrorKind::upstream_model_missing, Verdict::success},
        {ErrorKind::upstream_request_too_large, Verdict::success},
        {ErrorKind::upstream_rate_limited, Verdict::silent},
        {ErrorKind::upstream_auth, Verdict::silent},
        {ErrorKind::upstream_quota_exhausted, Verdict::silent},
        {ErrorKind::client_closed, Verdict::silent},
        {ErrorKind::server_shutdown, Verdict::silent},
        {ErrorKind::overloaded, Verdict::silent},
    }));
    CAPTURE(describe(kind).code);
    CHECK(verdict_of(kind) == expected);
}

TEST_CASE("a breaker that opens leaves the upstream alone for as long as that asks, up to the longest wait",
          "[breaker]") {
    auto [asked_for, expected] = GENERATE(table<milliseconds, milliseconds>(
        {{seconds(0), seconds(5)}, {seconds(3), seconds(5)}, {seconds(20), seconds(20)}, {seconds(600), seconds(60)}}));
    CAPTURE(asked_for.count());
    Breaker breaker(BreakerSettings{});
    fail(breaker, 4, start);
    breaker.failed(start, Pass::normal, middle, asked_for);
    CHECK(breaker.time_to_probe(start) == expected);
    auto const due = start + expected;
    REQUIRE(breaker.try_pass(due) == Pass::probe);
    breaker.failed(due, Pass::probe, middle, asked_for);
    CHECK(breaker.time_to_probe(due) == expected);
}
