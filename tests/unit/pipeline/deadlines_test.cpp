#include <catch2/catch.hpp>

#include "tests/unit/pipeline/fakes.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

constexpr milliseconds hour = std::chrono::hours(1);

/// A stream with `count` deltas, each `apart` from the one before.
Scene slow_stream(int count, milliseconds apart) {
    Scene scene{.body = {{events({"role"})}}};
    for (int i = 0; i < count; ++i) scene.body.push_back({events({"x"}), apart});
    scene.body.push_back({events({"[DONE]"}), apart});
    return scene;
}

TimeoutSettings no_limits() {
    return {.first_token = milliseconds(0),
            .whole_answer = milliseconds(0),
            .idle = milliseconds(0),
            .total = milliseconds(0)};
}

}  // namespace

TEST_CASE("each limit ends a wait of its own", "[pipeline][deadlines]") {
    struct Row {
        char const* name;
        bool stream;
        TimeoutSettings limits;
        Scene scene;
        milliseconds expected;
    };
    auto with = [](milliseconds TimeoutSettings::* limit, milliseconds value) {
        auto limits = no_limits();
        limits.*limit = value;
        return limits;
    };
    Scene const silent{.head_after = hour};
    Scene const role_only{.body = {{events({"role"})}, {events({"x"}), hour}}};
    Scene const one_delta{.body = {{events({"x"})}, {events({"x"}), hour}}};
    Scene const half_answer{.headers = {{"content-type", "application/json"}}, .body = {{"{"}, {"}", hour}}};
    auto row = GENERATE_COPY(values<Row>({
        {"first token, no head", true, with(&TimeoutSettings::first_token, seconds(7)), silent, seconds(7)},
        {"first token, role only", true, with(&TimeoutSettings::first_token, seconds(7)), role_only, seconds(7)},
        {"idle before the first delta", true, with(&TimeoutSettings::idle, seconds(8)), role_only, seconds(8)},
        {"idle", true, with(&TimeoutSettings::idle, seconds(8)), one_delta, seconds(8)},
        {"total, no head", true, with(&TimeoutSettings::total, seconds(9)), silent, seconds(9)},
        {"total, in the stream", true, with(&TimeoutSettings::total, seconds(9)), slow_stream(99, seconds(2)),
         seconds(9)},
        {"whole answer", false, with(&TimeoutSettings::whole_answer, seconds(7)), silent, seconds(7)},
        {"idle in an answer", false, with(&TimeoutSettings::idle, seconds(8)), half_answer, seconds(8)},
        {"total of an answer", false, with(&TimeoutSettings::total, seconds(9)), half_answer, seconds(9)},
    }));
    CAPTURE(row.name);
    Gateway gateway;
    gateway.settings.models[1].timeout = row.limits;
    gateway.settings.server.stream = {.header_grace = milliseconds(0), .keep_alive = milliseconds(0)};
    gateway.load();
    gateway.chat.requested_model = "solo";
    gateway.chat.stream = row.stream;
    auto const& outcome = gateway.ask(row.scene);
    REQUIRE(outcome.error);
    CHECK(outcome.error->kind == ErrorKind::upstream_timeout);
    CHECK(outcome.duration == row.expected);
    CHECK(gateway.upstream.cut_off == 1);
}

TEST_CASE("the limit for the first token ends with it", "[pipeline][deadlines]") {
    Gateway gateway;
    gateway.settings.models[1].timeout.first_token = seconds(7);
    gateway.load();
    gateway.chat.requested_model = "solo";
    CHECK_FALSE(gateway.ask(slow_stream(30, seconds(1))).error);
}

TEST_CASE("without limits a stream may take its time", "[pipeline][deadlines]") {
    Gateway gateway;
    gateway.settings.models[1].timeout = no_limits();
    gateway.settings.server.stream = {.header_grace = milliseconds(0), .keep_alive = milliseconds(0)};
    gateway.load();
    gateway.chat.requested_model = "solo";
    CHECK(gateway.ask(slow_stream(50, std::chrono::minutes(30))).status == 200);
}

TEST_CASE("the client's own timeout shortens the total, and says nothing about the target", "[pipeline][deadlines]") {
    Gateway gateway;
    gateway.chat.requested_model = "solo";
    gateway.client_timeout = seconds(2);
    for (int i = 0; i < 10; ++i) {
        auto const& outcome = gateway.ask(Scene{.head_after = hour});
        CHECK(outcome.status == 504);
        CHECK(outcome.duration == seconds(2));
        CHECK(gateway.upstream.calls.at(0).deadline == gateway.clock.time);
    }
    gateway.client_timeout = hour;
    CHECK(gateway.ask(good_stream()).status == 200);
    CHECK(gateway.upstream.calls.at(0).deadline == gateway.clock.time + seconds(600));
}

TEST_CASE("no attempt starts when the request's time is over", "[pipeline][deadlines]") {
    Gateway gateway;
    gateway.client_timeout = seconds(2);
    auto const& outcome = gateway.ask({Scene{.head_after = hour}, good_stream()});
    CHECK(gateway.upstream.calls.size() == 1);
    CHECK(outcome.status == 504);
}

TEST_CASE("a stream below the lowest rate counts as stalled", "[pipeline][deadlines]") {
    Gateway gateway;
    gateway.settings.models[1].timeout.min_rate = 12;  // an event of the stream has nine bytes
    gateway.load();
    gateway.chat.requested_model = "solo";
    auto const& slow = gateway.ask(slow_stream(60, seconds(1)));
    REQUIRE(slow.error);
    CHECK(slow.error->kind == ErrorKind::upstream_timeout);
    CHECK(slow.duration >= seconds(10));
    CHECK(slow.duration <= seconds(11));
    CHECK(gateway.ask(slow_stream(60, milliseconds(500))).status == 200);
    CHECK_FALSE(gateway.recorder.outcomes.back().error);
}

TEST_CASE("after the header grace a silent upstream's client hears comments, and failover still works",
          "[pipeline][deadlines]") {
    Gateway gateway;
    gateway.settings.models[0].timeout.first_token = seconds(45);
    gateway.load();
    auto const& outcome = gateway.ask({Scene{.head_after = hour}, good_stream("from beta")});
    auto const& sink = *gateway.sink;
    std::string const comment = ": keep-alive\n\n";
    // Opened after 10 s, then every 15 s: 10, 25, 40; the next target answers at 45.
    CHECK(sink.body == comment + comment + comment + events({"role", "from beta", "[DONE]"}));
    CHECK(sink.header("content-type") == "text/event-stream; charset=utf-8");
    CHECK(sink.header("x-request-id") == "req-1");
    CHECK(outcome.status == 200);
    CHECK(outcome.attempts.size() == 2);
}

TEST_CASE("a stream that comments opened ends with an error event when no target answers", "[pipeline][deadlines]") {
    Gateway gateway;
    gateway.settings.models[0].timeout.first_token = seconds(15);
    gateway.load();
    auto const& outcome = gateway.ask({Scene{.head_after = hour}, refused(500)});
    CHECK(gateway.sink->status == 200);
    CHECK(gateway.sink->body.starts_with(": keep-alive\n\ndata: {\"error\":{\"message\":\"all 2 targets failed"));
    CHECK(gateway.sink->body.find("[DONE]") == std::string::npos);
    CHECK_FALSE(gateway.sink->kept_open);
    CHECK(outcome.status == 200);
    CHECK(outcome.error);
}

TEST_CASE("silence between events is filled with comments", "[pipeline][deadlines]") {
    Gateway gateway;
    gateway.ask(Scene{.body = {{events({"a"})}, {events({"b"}), seconds(31)}, {events({"[DONE]"}), seconds(14)}}});
    std::string const comment = ": keep-alive\n\n";
    CHECK(gateway.sink->body == events({"a"}) + comment + comment + events({"b", "[DONE]"}));
}

TEST_CASE("an upstream's own comments do not keep ours from the client", "[pipeline][deadlines]") {
    Gateway gateway;
    Scene scene{.body = {}};
    for (int i = 0; i < 26; ++i) scene.body.push_back({": PROCESSING\n\n", seconds(1)});
    scene.body.push_back({events({"a", "[DONE]"})});
    gateway.ask(scene);
    std::string const comment = ": keep-alive\n\n";
    CHECK(gateway.sink->body == comment + comment + events({"a", "[DONE]"}));
}

TEST_CASE("a whole answer gets no comments", "[pipeline][deadlines]") {
    Gateway gateway;
    gateway.chat.stream = false;
    auto scene = good_answer();
    scene.head_after = seconds(100);
    gateway.ask(scene);
    CHECK(gateway.sink->body == "{\"answer\":1}");
}

TEST_CASE("a backoff does not keep a waiting client without a sign", "[pipeline][deadlines]") {
    Gateway gateway;
    gateway.chat.requested_model = "solo";
    gateway.settings.server.stream = {.header_grace = seconds(1), .keep_alive = seconds(1)};
    gateway.settings.providers["alpha"].credentials.resize(1);
    gateway.load();
    gateway.ask({refused(503, {{"retry-after", "3"}}), good_stream()});
    std::string const comment = ": keep-alive\n\n";
    CHECK(gateway.sink->body == comment + comment + comment + events({"role", "hi", "[DONE]"}));
}
