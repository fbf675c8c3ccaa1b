#include <catch2/catch.hpp>

#include "tests/unit/pipeline/fakes.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

BreakerState state_of(Gateway const& gateway, std::string_view provider, std::string_view model) {
    for (auto const& row : gateway.health.breakers(gateway.clock.time)) {
        if (row.provider == provider && row.target_model == model) return row.state;
    }
    FAIL("no such target");
    return {};
}

/// Five requests that find alpha broken and beta well.
void break_alpha(Gateway& gateway) {
    for (int i = 0; i < 5; ++i) {
        gateway.ask({unreachable(), good_stream()});
        REQUIRE(gateway.sink->status == 200);
    }
}

}  // namespace

TEST_CASE("an open breaker keeps requests from its target", "[pipeline][breaker]") {
    Gateway gateway;
    break_alpha(gateway);
    CHECK(state_of(gateway, "alpha", "one") == BreakerState::open);
    CHECK(state_of(gateway, "beta", "two") == BreakerState::closed);
    gateway.ask(good_stream());
    CHECK(gateway.upstream.calls.size() == 1);
    CHECK(gateway.upstream.calls.at(0).provider == "beta");
    CHECK(gateway.sink->header("x-sluice-attempts") == "1");
}

TEST_CASE("a probe that succeeds brings the target back, one that fails costs its client nothing",
          "[pipeline][breaker]") {
    Gateway gateway;
    break_alpha(gateway);
    gateway.clock.time += seconds(5);
    SECTION("success") {
        gateway.ask(good_stream());
        CHECK(gateway.upstream.calls.at(0).provider == "alpha");
        CHECK(gateway.recorder.outcomes.back().attempts.at(0).reason == "fallback: probe");
        CHECK(state_of(gateway, "alpha", "one") == BreakerState::closed);
    }
    SECTION("a first token, then a broken stream: one failure of a target that works") {
        gateway.ask(Scene{.body = {{events({"one"})}}});
        CHECK(state_of(gateway, "alpha", "one") == BreakerState::closed);
    }
    SECTION("failure") {
        gateway.ask({refused(500), good_stream()});
        CHECK(gateway.sink->status == 200);
        CHECK(gateway.upstream.calls.size() == 2);
        CHECK(state_of(gateway, "alpha", "one") == BreakerState::open);
    }
    SECTION("the client leaves: the next request may probe") {
        gateway.turnstile.stop_at = 2;
        gateway.ask(good_stream());
        gateway.turnstile.stop_at = 0;
        CHECK(state_of(gateway, "alpha", "one") == BreakerState::half_open);
        gateway.ask(good_stream());
        CHECK(gateway.upstream.calls.at(0).provider == "alpha");
    }
}

TEST_CASE("with every breaker open the answer is quick, and says when to come back", "[pipeline][breaker]") {
    Gateway gateway;
    gateway.chat.requested_model = "solo";
    gateway.settings.models[1].retry.attempts = 0;
    gateway.load();
    for (int i = 0; i < 5; ++i) gateway.ask(refused(500));
    gateway.clock.time += milliseconds(1'500);
    auto const& outcome = gateway.ask(good_stream());
    CHECK(gateway.upstream.calls.empty());
    CHECK(gateway.sink->status == 503);
    CHECK(gateway.sink->body.find("\"code\":\"no_upstream_available\"") != std::string::npos);
    CHECK(gateway.sink->header("retry-after-ms") == "3500");
    CHECK(gateway.sink->header("retry-after") == "4");
    CHECK(gateway.sink->header("x-should-retry") == "true");
    CHECK(outcome.attempts.empty());
    CHECK(outcome.error->detail == "alpha/one: breaker open");
}

TEST_CASE("neither a client that leaves nor a request that is rejected hurts the target", "[pipeline][breaker]") {
    Gateway gateway;
    gateway.chat.requested_model = "solo";
    SECTION("leaves") { gateway.turnstile.stop_at = 3; }
    SECTION("rejected") {}
    SECTION("model missing") {}
    for (int i = 0; i < 30; ++i) gateway.ask(i % 2 == 0 ? refused(400) : refused(404));
    CHECK(state_of(gateway, "alpha", "one") == BreakerState::closed);
}

TEST_CASE("streams that break after their first token open the breaker", "[pipeline][breaker]") {
    Gateway gateway;
    gateway.chat.requested_model = "solo";
    for (int i = 0; i < 5; ++i) gateway.ask(Scene{.body = {{events({"one"})}}});
    CHECK(state_of(gateway, "alpha", "one") == BreakerState::open);
}

TEST_CASE("credentials take turns", "[pipeline][credentials]") {
    Gateway gateway;
    std::string used;
    for (int i = 0; i < 4; ++i) {
        gateway.ask(good_stream());
        used += gateway.upstream.calls.at(0).credential + " ";
    }
    CHECK(used == "a1 a2 a1 a2 ");
}

TEST_CASE("a credential that is refused rests, and the other one takes over at once", "[pipeline][credentials]") {
    auto [status, rest] = GENERATE(table<int, int>({{429, 1}, {401, 60}}));
    CAPTURE(status);
    Gateway gateway;
    auto const& outcome = gateway.ask({refused(status), good_stream()});
    CHECK(outcome.status == 200);
    REQUIRE(gateway.upstream.calls.size() == 2);
    CHECK(gateway.upstream.calls[0].credential == "a1");
    CHECK(gateway.upstream.calls[1].credential == "a2");
    CHECK(outcome.attempts.at(1).reason == "another credential is free");
    CHECK(gateway.clock.slept.empty());
    gateway.ask(good_stream());
    CHECK(gateway.upstream.calls.at(0).credential == "a2");
    auto const rows = gateway.health.credentials(gateway.clock.time);
    CHECK(rows.at(0).credential == "a1");
    CHECK(rows.at(0).time_left == seconds(rest));
    CHECK(state_of(gateway, "alpha", "one") == BreakerState::closed);
}

TEST_CASE("when all credentials rest for one reason, the client is told that reason", "[pipeline][credentials]") {
    struct Row {
        int status;
        int told;
        char const* code;
        char const* wait;
    };
    auto row = GENERATE(values<Row>({{429, 429, "rate_limit_exceeded", "20000"}, {401, 502, "upstream_auth", ""}}));
    CAPTURE(row.status);
    Gateway gateway;
    gateway.chat.requested_model = "solo";
    gateway.ask(refused(row.status, {{"retry-after", "20"}}));
    CHECK(gateway.sink->status == row.told);
    gateway.ask(good_stream());
    CHECK(gateway.upstream.calls.empty());
    CHECK(gateway.sink->status == row.told);
    CHECK(gateway.sink->body.find(row.code) != std::string::npos);
    CHECK(gateway.sink->header("retry-after-ms") == row.wait);
}

TEST_CASE("a provider at its limit of requests is passed over", "[pipeline]") {
    Gateway gateway;
    gateway.settings.providers["alpha"].max_in_flight = 1;
    gateway.load();
    auto const in_flight = gateway.health.in_flight("alpha");
    REQUIRE(in_flight->try_enter(1));
    gateway.ask(good_stream());
    CHECK(gateway.upstream.calls.at(0).provider == "beta");
    gateway.chat.requested_model = "solo";
    gateway.ask(good_stream());
    CHECK(gateway.sink->status == 503);
    CHECK(gateway.sink->body.find("\"code\":\"overloaded\"") != std::string::npos);
    CHECK(gateway.sink->header("x-should-retry") == "true");
    in_flight->leave();
    CHECK(gateway.ask(good_stream()).status == 200);
}

TEST_CASE("repetitions at one provider stay inside the retry budget", "[pipeline][retry]") {
    Gateway gateway;
    gateway.chat.requested_model = "solo";
    gateway.settings.models[1].breaker = {.min_requests = 1'000'000, .consecutive = 1'000'000};
    gateway.load();
    std::size_t calls = 0;
    std::size_t requests = 0;
    auto const start = gateway.clock.time;
    while (gateway.clock.time < start + seconds(60)) {
        gateway.clock.draw = 0;  // no backoff: the clock moves by hand
        gateway.ask(refused(503));
        calls += gateway.upstream.calls.size();
        ++requests;
        gateway.clock.time += milliseconds(10);
    }
    CHECK(requests == 6'000);
    CHECK(calls <= requests * 11 / 10 + 60);
    CHECK(calls > requests);
    CHECK(gateway.recorder.outcomes.back().error->detail.find("budget") != std::string::npos);
}

TEST_CASE("a failover to another provider needs no budget", "[pipeline][retry]") {
    Gateway gateway;
    gateway.settings.models[0].breaker = {.min_requests = 1'000'000, .consecutive = 1'000'000};
    gateway.load();
    for (int i = 0; i < 200; ++i) CHECK(gateway.ask({refused(500), good_stream()}).status == 200);
}

TEST_CASE("an answer is limited in size", "[pipeline]") {
    Gateway gateway;
    gateway.settings.server.limits.answer_bytes = 8;
    gateway.load();
    gateway.chat.stream = false;
    auto [length, pieces, status] = GENERATE(table<char const*, std::vector<Say>, int>({
        {"9", {{"123456789"}}, 502},
        {"", {{"12345"}, {"6789"}}, 502},
        {"", {{"123456789"}}, 502},
        {"", {{"1234"}, {"5678"}}, 200},
        {"8", {{"12345678"}}, 200},
    }));
    CAPTURE(length);
    gateway.chat.requested_model = "solo";
    gateway.ask(Scene{.headers = {{"content-type", "application/json"}, {"content-length", length}}, .body = pieces});
    CHECK(gateway.sink->status == status);
}

TEST_CASE("events without content are held only up to a limit", "[pipeline]") {
    Gateway gateway;
    gateway.settings.server.limits.event_bytes = 100;
    gateway.load();
    Scene flood{.body = {}};
    for (int i = 0; i < 20; ++i) flood.body.push_back({events({"role"})});
    gateway.ask({flood, good_stream("beta")});
    CHECK(gateway.sink->body == events({"role", "beta", "[DONE]"}));
}

namespace {

Scene with_left(std::string left) {
    auto scene = good_stream();
    scene.headers.add("left", std::move(left));
    scene.head_after = milliseconds(1);
    return scene;
}

}  // namespace

TEST_CASE("a credential whose provider says that nothing is left rests while another one works", "[pipeline]") {
    Gateway gateway;
    gateway.chat.requested_model = "solo";
    gateway.ask(with_left("0"));
    CHECK(gateway.upstream.calls.at(0).credential == "a1");
    gateway.ask(good_stream());
    CHECK(gateway.upstream.calls.at(0).credential == "a2");
    gateway.ask(good_stream());
    CHECK(gateway.upstream.calls.at(0).credential == "a2");
    gateway.clock.time += seconds(31);
    gateway.ask(good_stream());
    auto const first = gateway.upstream.calls.at(0).credential;
    gateway.ask(good_stream());
    CHECK(gateway.upstream.calls.at(0).credential != first);
}

TEST_CASE("the last credential goes on with nothing left, unless another target can take over", "[pipeline]") {
    auto const [model, next] = GENERATE(table<char const*, char const*>({{"solo", "alpha"}, {"m", "beta"}}));
    Gateway gateway;
    gateway.settings.providers["alpha"].credentials.resize(1);
    gateway.load();
    gateway.chat.requested_model = model;
    gateway.ask(with_left("0"));
    CHECK(gateway.upstream.calls.at(0).provider == "alpha");
    gateway.ask(good_stream());
    CHECK(gateway.upstream.calls.at(0).provider == next);
}

TEST_CASE("what is unknown benches nobody", "[pipeline]") {
    Gateway gateway;
    gateway.chat.requested_model = "solo";
    gateway.ask(with_left("-1"));
    gateway.ask(good_stream());
    gateway.ask(good_stream());
    CHECK(gateway.upstream.calls.at(0).credential == "a1");
}

TEST_CASE("what providers say is left is known until it is renewed", "[health]") {
    Gateway gateway;
    gateway.chat.requested_model = "solo";
    gateway.ask(with_left("7"));
    gateway.ask(with_left("5"));
    auto const rows = gateway.health.limits(gateway.clock.time);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].provider == "alpha");
    CHECK(rows[0].kind == LimitKind::requests);
    CHECK(rows[0].remaining == 12);  // of both credentials
    CHECK(gateway.health.limits(gateway.clock.time + seconds(31)).empty());
}
