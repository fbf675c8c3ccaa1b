#include <catch2/catch.hpp>

#include "tests/unit/pipeline/fakes.hpp"

using namespace sluice;
using namespace sluice::testing;

TEST_CASE("a stream reaches the client as it came, and ends where the upstream ended it", "[pipeline]") {
    Gateway gateway;
    auto const& outcome = gateway.ask(good_stream());
    auto const& sink = *gateway.sink;
    CHECK(sink.status == 200);
    CHECK(sink.body == events({"role", "hi", "[DONE]"}));
    CHECK(sink.ended);
    CHECK(sink.kept_open);
    CHECK(sink.header("content-type") == "text/event-stream; charset=utf-8");
    CHECK(sink.header("cache-control") == "no-store");
    CHECK(sink.header("x-accel-buffering") == "no");
    CHECK(sink.header("x-request-id") == "req-1");
    CHECK(sink.header("x-sluice-provider") == "alpha");
    CHECK(sink.header("x-sluice-model") == "one");
    CHECK(sink.header("x-sluice-attempts") == "1");
    CHECK(sink.header("server-timing").starts_with("gw;dur="));
    CHECK(outcome.status == 200);
    CHECK_FALSE(outcome.error);
    CHECK(outcome.stream_started);
    CHECK(gateway.upstream.read_to_the_end == 1);
}

TEST_CASE("what arrives in one piece leaves in one write", "[pipeline]") {
    Gateway gateway;
    gateway.ask(Scene{.body = {{events({"role", "a"})}, {events({"b", "c", "d"})}, {events({"[DONE]"})}}});
    CHECK(gateway.sink->writes ==
          std::vector<std::string>{events({"role", "a"}), events({"b", "c", "d"}), events({"[DONE]"})});
}

TEST_CASE("events from before the first delta wait for it", "[pipeline]") {
    Gateway gateway;
    gateway.ask(Scene{.body = {{events({"role"})}, {events({"role"})}, {events({"a"})}, {events({"[DONE]"})}}});
    CHECK(gateway.sink->writes == std::vector<std::string>{events({"role", "role", "a"}), events({"[DONE]"})});
}

TEST_CASE("the request goes to the target's model in the dialect's words", "[pipeline]") {
    Gateway gateway;
    auto stream = GENERATE(true, false);
    gateway.chat.stream = stream;
    gateway.ask(stream ? good_stream() : good_answer());
    REQUIRE(gateway.upstream.calls.size() == 1);
    auto const& call = gateway.upstream.calls[0];
    CHECK(call.body == "one and the rest");
    CHECK(call.path == "/chat");
    CHECK(call.credential == "a1");
    CHECK(call.accept == (stream ? "text/event-stream" : "application/json"));
}

TEST_CASE("a whole answer is passed on with our header fields and the upstream's ids", "[pipeline]") {
    Gateway gateway;
    gateway.chat.stream = false;
    auto scene = good_answer();
    scene.headers.add("x-request-id", "up-7");
    scene.headers.add("openai-processing-ms", "12");
    scene.headers.add("openai-organization", "secret-org");
    scene.headers.add("set-cookie", "a=b");
    scene.headers.add("server", "nginx");
    scene.headers.add("x-ratelimit-remaining-requests", "3");
    auto const& outcome = gateway.ask(scene);
    auto const& sink = *gateway.sink;
    CHECK(sink.status == 200);
    CHECK(sink.body == "{\"answer\":1}");
    CHECK(sink.header("content-type") == "application/json");
    CHECK(sink.header("x-request-id") == "req-1");
    CHECK(sink.header("x-upstream-request-id") == "up-7");
    CHECK(sink.header("openai-processing-ms") == "12");
    CHECK(sink.header("x-sluice-cost-usd") == "0.00002");
    CHECK(sink.header("x-sluice-provider") == "alpha");
    for (auto const* name : {"openai-organization", "set-cookie", "server", "x-ratelimit-remaining-requests"}) {
        CAPTURE(name);
        CHECK(sink.header(name).empty());
    }
    CHECK(outcome.attempts.at(0).upstream_request_id == "up-7");
    CHECK(gateway.upstream.read_to_the_end == 1);
}

TEST_CASE("a whole answer may come in any pieces", "[pipeline]") {
    Gateway gateway;
    gateway.chat.stream = false;
    auto length = GENERATE("", "9", "4");
    CAPTURE(length);
    Scene scene{.headers = {{"content-type", "application/json"}, {"content-length", length}},
                .body = {{"abc"}, {"def"}, {"ghi"}}};
    gateway.ask(scene);
    CHECK(gateway.sink->body == "abcdefghi");
    CHECK(gateway.upstream.read_to_the_end == 1);
}

TEST_CASE("a whole answer in one piece of the announced length leaves its connection usable", "[pipeline]") {
    Gateway gateway;
    gateway.chat.stream = false;
    gateway.ask(Scene{.headers = {{"content-type", "application/json"}, {"content-length", "3"}}, .body = {{"abc"}}});
    CHECK(gateway.sink->body == "abc");
    CHECK(gateway.upstream.read_to_the_end == 1);
}

TEST_CASE("the outcome tells usage, cost and times", "[pipeline]") {
    Gateway gateway;
    auto scene = good_stream();
    scene.head_after = milliseconds(30);
    scene.body[1].after = milliseconds(70);
    scene.body[2].after = milliseconds(400);
    auto const& outcome = gateway.ask(scene);
    CHECK(outcome.usage.input == 10);
    CHECK(outcome.usage.output == 5);
    CHECK(outcome.usage.source == UsageSource::provider);
    REQUIRE(outcome.cost);
    CHECK(outcome.cost->count == 10 * 1'000'000 / 1'000 * 1 + 5 * 2'000);
    CHECK(outcome.first_token == milliseconds(100));
    CHECK(outcome.time_per_output_token == milliseconds(100));
    CHECK(outcome.duration == milliseconds(500));
    CHECK(outcome.upstream_time == milliseconds(500));
    CHECK(outcome.reported_model == "reported");
    CHECK(outcome.finish_reason == "stop");
    CHECK(outcome.caller == "key");
    CHECK(outcome.model == "m");
    CHECK(outcome.requested_model == "m");
    CHECK(outcome.bytes_out == gateway.sink->body.size());
    REQUIRE(outcome.attempts.size() == 1);
    CHECK(outcome.attempts[0].result == AttemptResult::ok);
    CHECK(outcome.attempts[0].first_token == milliseconds(100));
    CHECK(outcome.attempts[0].upstream_status == 200);
    CHECK(outcome.attempts[0].reason == "fallback: first");
    CHECK_FALSE(outcome.attempts[0].uncertain);
}

TEST_CASE("the request's bytes are given up once no other attempt can follow", "[pipeline]") {
    Gateway gateway;
    gateway.ask(good_stream());
    CHECK(gateway.sink->forgot_request);
    gateway.ask(std::vector{Scene{.body = {{events({"role", "error"})}}}, Scene{.status = 500}});
    CHECK_FALSE(gateway.sink->forgot_request);
}

TEST_CASE("the connection of an answer that is none to this request is not used again", "[pipeline]") {
    Gateway gateway;
    gateway.chat.stream = false;
    Headers const json{{"content-type", "application/json"}};
    auto const [name, scene, usable] = GENERATE_COPY(table<char const*, Scene, bool>({
        {"an answer", Scene{.headers = json, .body = {{"abc"}}}, true},
        {"no chat completion", Scene{.headers = json, .body = {{"nonsense"}}}, false},
        {"no JSON", Scene{.headers = {{"content-type", "text/html"}}, .body = {{"abc"}}}, false},
        {"a refusal", Scene{.status = 400, .headers = json, .body = {{"no"}}}, true},
        {"what servers say to idle connections", Scene{.status = 408, .headers = json, .body = {{"late"}}}, false},
    }));
    CAPTURE(name);
    gateway.ask(scene);
    CHECK(gateway.upstream.read_to_the_end >= (usable ? 1 : 0));
    CHECK((gateway.upstream.cut_off == 0) == usable);
}

TEST_CASE("without a price the cost is unknown, not nothing", "[pipeline]") {
    Gateway gateway;
    gateway.settings.prices.erase("alpha/one");
    gateway.load();
    auto stream = GENERATE(true, false);
    gateway.chat.stream = stream;
    auto const& outcome = gateway.ask(stream ? good_stream() : good_answer());
    CHECK_FALSE(outcome.cost);
    CHECK(gateway.sink->header("x-sluice-cost-usd").empty());
}

TEST_CASE("a wildcard model hands its star to the target and to the price", "[pipeline]") {
    Gateway gateway;
    gateway.chat.requested_model = "any/star";
    auto const& outcome = gateway.ask(good_stream());
    CHECK(gateway.upstream.calls.at(0).body == "star and the rest");
    CHECK(outcome.model == "any/*");
    CHECK(outcome.attempts.at(0).target_model == "star");
    CHECK(outcome.cost);
}

TEST_CASE("a model that does not exist, or that the key may not use, is not found", "[pipeline]") {
    Gateway gateway;
    auto [name, allowed] = GENERATE(
        table<char const*, std::vector<std::string>>({{"nope", {}}, {"solo", {"m"}}, {"solo", {"so*x", "any/*"}}}));
    gateway.chat.requested_model = name;
    gateway.caller.models = allowed;
    auto const& outcome = gateway.ask(good_stream());
    CHECK(gateway.upstream.calls.empty());
    CHECK(gateway.sink->status == 404);
    CHECK(gateway.sink->body.find("\"code\":\"model_not_found\"") != std::string::npos);
    CHECK(gateway.sink->body.find("\"param\":\"model\"") != std::string::npos);
    CHECK(gateway.sink->header("x-should-retry") == "false");
    CHECK(gateway.sink->header("x-request-id") == "req-1");
    CHECK(outcome.status == 404);
    CHECK(outcome.model == "other");
}

TEST_CASE("a key's patterns let its models through", "[pipeline]") {
    Gateway gateway;
    gateway.chat.requested_model = "solo";
    gateway.caller.models = {"x", "so*"};
    CHECK(gateway.ask(good_stream()).status == 200);
}

TEST_CASE("a stream that ends without any content is passed on, if the provider says that it is complete",
          "[pipeline]") {
    Gateway gateway;
    auto const& outcome = gateway.ask(Scene{.body = {{events({"role"})}, {events({"[DONE]"})}}});
    CHECK(gateway.sink->body == events({"role", "[DONE]"}));
    CHECK(outcome.status == 200);
    CHECK_FALSE(outcome.first_token);
}

TEST_CASE("a profile names the fields of its provider that reach the client", "[pipeline]") {
    Gateway gateway;
    auto const stream = GENERATE(true, false);
    gateway.chat.stream = stream;
    gateway.settings.providers["alpha"].answer_headers = {
        "x-generation-id", "x-note",      "x-ratelimit-remaining-requests",
        "content-type",    "set-cookie",  "x-request-id",
        "retry-after",     "x-not-there", "x-binary"};
    gateway.load();
    auto scene = stream ? good_stream() : good_answer();
    scene.headers.add("x-generation-id", "gen-1");
    scene.headers.add("x-note", "two words");
    scene.headers.add("x-other", "stays");
    scene.headers.add("x-ratelimit-remaining-requests", "3");
    scene.headers.add("set-cookie", "a=b");
    scene.headers.add("x-request-id", "theirs");
    scene.headers.add("retry-after", "3");
    scene.headers.add("x-binary", "a\x01z");
    gateway.ask(scene);
    auto const& sink = *gateway.sink;
    CHECK(sink.status == 200);
    CHECK(sink.header("x-generation-id") == "gen-1");
    CHECK(sink.header("x-note") == "two words");
    CHECK(sink.header("x-request-id") == "req-1");
    for (auto const* name :
         {"x-other", "x-ratelimit-remaining-requests", "set-cookie", "retry-after", "x-not-there", "x-binary"}) {
        CAPTURE(name);
        CHECK(sink.header(name).empty());
    }
}

TEST_CASE("any status of success is one for the client", "[pipeline]") {
    Gateway gateway;
    auto const stream = GENERATE(true, false);
    gateway.chat.stream = stream;
    auto scene = stream ? good_stream() : good_answer();
    scene.status = 246;  // Portkey: a guardrail flagged the answer, and let it pass
    auto const& outcome = gateway.ask(scene);
    CHECK(gateway.sink->status == 200);
    CHECK(outcome.attempts.at(0).upstream_status == 246);
}
