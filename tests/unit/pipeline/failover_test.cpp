#include <catch2/catch.hpp>

#include "tests/unit/pipeline/fakes.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

struct Broken {
    char const* name;
    Scene scene;
    AttemptResult result;
    bool uncertain;
};

Say gone() { return {.bytes = {}, .after = {}, .fails = error_of(ErrorKind::stream_interrupted)}; }
Say stalled() { return {.bytes = events({"late"}), .after = std::chrono::hours(1)}; }
Headers json() { return {{"content-type", "application/json"}}; }

std::vector<Broken> broken_before_any_answer() {
    using enum AttemptResult;
    return {
        {"no connection", unreachable(), connect, false},
        {"no connection in time", {.call_fails = error_of(ErrorKind::upstream_timeout)}, timeout, false},
        {"pool full", {.call_fails = error_of(ErrorKind::overloaded)}, not_sent, false},
        {"reset before the head", {.head_fails = error_of(ErrorKind::upstream_unavailable)}, connect, true},
        {"malformed head", {.head_fails = error_of(ErrorKind::upstream_invalid_response)}, invalid, true},
        {"no head in time", {.head_after = std::chrono::hours(1)}, timeout, true},
        {"500", refused(500), server_error, false},
        {"503", refused(503), server_error, false},
        {"429", refused(429), rate_limited, false},
        {"401", refused(401), auth, false},
        {"404", refused(404), rejected, false},
        {"redirect", refused(302), invalid, false},
        {"compressed", {.headers = {{"content-encoding", "gzip"}}, .body = {{"x"}}}, invalid, true},
    };
}

std::vector<Broken> broken_streams() {
    using enum AttemptResult;
    return {
        {"error event first", {.body = {{events({"error"})}}}, server_error, false},
        {"error event behind the role", {.body = {{events({"role", "error"})}}}, server_error, false},
        {"error in the piece of the first delta", {.body = {{events({"role", "hi", "error"})}}}, server_error, false},
        {"empty", {.body = {}}, invalid, false},
        {"role and the end", {.body = {{events({"role"})}}}, invalid, false},
        {"cut before the first delta", {.body = {{events({"role"})}, gone()}}, interrupted, true},
        {"silent before the first delta", {.body = {{events({"role"})}, stalled()}}, timeout, true},
        {"wrong content type", {.headers = {{"content-type", "text/html"}}, .body = {{"<p>"}}}, invalid, true},
        {"no content type", {.headers = {}, .body = {{"x"}}}, invalid, true},
        {"an error object instead", {.headers = json(), .body = {{"error"}}}, server_error, false},
        {"a whole answer instead", {.headers = json(), .body = {{"{}"}}}, invalid, true},
    };
}

std::vector<Broken> broken_answers() {
    using enum AttemptResult;
    return {
        {"no JSON", {.headers = json(), .body = {{"nonsense"}}}, invalid, true},
        {"another content type",
         {.headers = {{"content-type", "text/html"}}, .body = {{"{\"answer\":1}"}}},
         invalid,
         true},
        {"an error object", {.headers = json(), .body = {{"error"}}}, server_error, false},
        {"no content", {.headers = json(), .body = {{"nothing"}}}, invalid, false},
        {"cut", {.headers = json(), .body = {{"{"}, gone()}}, interrupted, true},
        {"silent inside the body", {.headers = json(), .body = {{"{"}, stalled()}}, timeout, true},
    };
}

void check_takeover(Gateway& gateway, Broken const& broken, Outcome const& outcome) {
    CHECK(gateway.upstream.calls.size() == 2);
    CHECK(gateway.upstream.calls.at(1).provider == "beta");
    CHECK(gateway.upstream.calls.at(1).body == "two and the rest");
    CHECK(gateway.sink->status == 200);
    CHECK(gateway.sink->header("x-sluice-attempts") == "2");
    CHECK(gateway.sink->header("x-sluice-provider") == "beta");
    CHECK(outcome.status == 200);
    CHECK_FALSE(outcome.error);
    REQUIRE(outcome.attempts.size() == 2);
    CHECK(outcome.attempts[0].result == broken.result);
    CHECK(outcome.attempts[0].uncertain == broken.uncertain);
    CHECK(outcome.attempts[0].reason.starts_with("fallback: first; "));
    CHECK(outcome.attempts[1].result == AttemptResult::ok);
    CHECK(outcome.usage.source == UsageSource::provider);
}

}  // namespace

TEST_CASE("until the first delta the next target takes over a stream, and the client sees only that", "[pipeline]") {
    Gateway gateway;
    gateway.settings.providers["alpha"].credentials.resize(1);
    gateway.settings.server.stream.header_grace = milliseconds(0);
    gateway.load();
    auto all = broken_before_any_answer();
    auto const streams = broken_streams();
    all.insert(all.end(), streams.begin(), streams.end());
    for (auto const& broken : all) {
        CAPTURE(broken.name);
        Gateway fresh;
        fresh.settings = gateway.settings;
        fresh.load();
        auto const& outcome = fresh.ask({broken.scene, good_stream("from beta")});
        check_takeover(fresh, broken, outcome);
        CHECK(fresh.sink->body == events({"role", "from beta", "[DONE]"}));
    }
}

TEST_CASE("the next target takes over a whole answer", "[pipeline]") {
    auto all = broken_before_any_answer();
    auto const answers = broken_answers();
    all.insert(all.end(), answers.begin(), answers.end());
    for (auto const& broken : all) {
        CAPTURE(broken.name);
        Gateway gateway;
        gateway.settings.providers["alpha"].credentials.resize(1);
        gateway.settings.models[0].timeout.whole_answer = seconds(100);
        gateway.load();
        gateway.chat.stream = false;
        auto const& outcome = gateway.ask({broken.scene, good_answer()});
        check_takeover(gateway, broken, outcome);
        CHECK(gateway.sink->body == "{\"answer\":1}");
    }
}

TEST_CASE("after the first delta a failure is one error event, and nobody takes over", "[pipeline]") {
    struct Row {
        char const* name;
        std::vector<Say> rest;
        char const* code;
        AttemptResult result;
    };
    auto row = GENERATE(values<Row>({
        {"connection cut", {gone()}, "stream_interrupted", AttemptResult::interrupted},
        {"no end marker", {}, "stream_interrupted", AttemptResult::interrupted},
        {"error event", {{events({"error"})}}, "stream_interrupted", AttemptResult::interrupted},
        {"malformed framing",
         {{.bytes = {}, .after = {}, .fails = error_of(ErrorKind::upstream_invalid_response)}},
         "stream_interrupted",
         AttemptResult::interrupted},
        {"silence", {stalled()}, "upstream_timeout", AttemptResult::timeout},
    }));
    CAPTURE(row.name);
    Gateway gateway;
    gateway.settings.server.stream.keep_alive = milliseconds(0);
    gateway.load();
    Scene scene{.body = {{events({"role", "one"})}, {events({"two"})}}};
    scene.body.insert(scene.body.end(), row.rest.begin(), row.rest.end());
    auto const& outcome = gateway.ask({scene, good_stream("never")});
    auto const& body = gateway.sink->body;
    auto const shown = events({"role", "one", "two"});
    REQUIRE(body.starts_with(shown));
    auto const event = body.substr(shown.size());
    CHECK(event.starts_with("data: {\"error\":{\"message\":\""));
    CHECK(event.ends_with("\"code\":\"" + std::string(row.code) + "\"}}\n\n"));
    CHECK(body.find("[DONE]") == std::string::npos);
    CHECK(gateway.sink->ended);
    CHECK_FALSE(gateway.sink->kept_open);
    CHECK(gateway.upstream.calls.size() == 1);
    CHECK(gateway.upstream.cut_off + gateway.upstream.read_to_the_end == 1);
    CHECK(outcome.status == 200);
    REQUIRE(outcome.error);
    CHECK(code_of(*outcome.error) == row.code);
    CHECK(outcome.attempts.at(0).result == row.result);
    CHECK(outcome.usage.source == UsageSource::estimated);
    CHECK(outcome.usage.output == 2);
    CHECK(outcome.cost);
}

TEST_CASE("a delta and an error in one later piece: the delta, then the error", "[pipeline]") {
    Gateway gateway;
    gateway.ask(Scene{.body = {{events({"one"})}, {events({"two", "error"})}}});
    CHECK(gateway.sink->body.starts_with(events({"one", "two"}) + "data: {\"error\""));
}

TEST_CASE("what the upstream rejects goes back to the client at once", "[pipeline]") {
    Gateway gateway;
    auto const& outcome = gateway.ask({refused(400), good_stream()});
    CHECK(gateway.upstream.calls.size() == 1);
    CHECK(gateway.sink->status == 400);
    CHECK(gateway.sink->body.find("\"message\":\"the upstream's words\"") != std::string::npos);
    CHECK(gateway.sink->header("x-should-retry") == "false");
    CHECK(outcome.attempts.at(0).result == AttemptResult::rejected);
}

TEST_CASE("when every target fails the last error is told, and that there were several", "[pipeline]") {
    Gateway gateway;
    auto const& outcome = gateway.ask({refused(500), refused(503)});
    CHECK(gateway.sink->status == 503);
    CHECK(gateway.sink->body.find("all 2 targets failed; last: the upstream is overloaded") != std::string::npos);
    CHECK(gateway.sink->header("x-should-retry") == "false");
    CHECK(outcome.status == 503);
    CHECK(outcome.attempts.size() == 3);
}

TEST_CASE("a single target is tried again after a growing wait", "[pipeline]") {
    Gateway gateway;
    gateway.chat.requested_model = "solo";
    auto const& outcome = gateway.ask({refused(500), unreachable(), good_stream()});
    CHECK(outcome.status == 200);
    CHECK(gateway.upstream.calls.size() == 3);
    CHECK(gateway.clock.slept == std::vector<milliseconds>{milliseconds(50), milliseconds(100)});
    CHECK(outcome.attempts.at(1).waited == milliseconds(50));
    CHECK(outcome.attempts.at(1).reason.starts_with("retry after backoff; "));
    CHECK(outcome.attempts.at(2).reason == "retry after backoff");
}

TEST_CASE("a timeout is never repeated on the same target", "[pipeline]") {
    Gateway gateway;
    gateway.chat.requested_model = "solo";
    auto const& outcome = gateway.ask({Scene{.head_after = std::chrono::hours(1)}, good_stream()});
    CHECK(gateway.upstream.calls.size() == 1);
    CHECK(outcome.error->kind == ErrorKind::upstream_timeout);
    CHECK(outcome.attempts.at(0).uncertain);
}

TEST_CASE("a short wait that the upstream asks for is honoured, a long one is told to the client", "[pipeline]") {
    Gateway gateway;
    gateway.chat.requested_model = "solo";
    gateway.settings.providers["alpha"].credentials.resize(1);
    gateway.load();
    SECTION("short") {
        gateway.ask({refused(429, {{"retry-after", "3"}}), good_stream()});
        CHECK(gateway.clock.slept == std::vector<milliseconds>{seconds(3)});
        CHECK(gateway.sink->status == 200);
    }
    SECTION("long") {
        gateway.ask({refused(429, {{"retry-after", "30"}}), good_stream()});
        CHECK(gateway.clock.slept.empty());
        CHECK(gateway.sink->status == 429);
        CHECK(gateway.sink->header("retry-after") == "33");
        CHECK(gateway.sink->header("retry-after-ms") == "30000");
        CHECK(gateway.sink->header("x-should-retry") == "true");
    }
}

TEST_CASE("usage and cost of a failed attempt count when the provider reported them", "[pipeline]") {
    Gateway gateway;
    auto const& outcome = gateway.ask({Scene{.body = {{events({"usage", "error"})}}}, good_stream()});
    CHECK(outcome.usage.input == 20);
    CHECK(outcome.usage.output == 10);
    CHECK(outcome.cost == NanoUsd{40'000});
}
