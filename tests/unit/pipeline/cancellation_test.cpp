#include <catch2/catch.hpp>
#include <coroutine>
#include <functional>

#include "tests/unit/pipeline/fakes.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

struct Story {
    char const* name;
    bool stream;
    std::vector<Scene> scenes;
};

std::vector<Story> stories() {
    Scene const late{.body = good_stream().body, .head_after = seconds(30)};
    Scene const broken{.body = {{events({"one"})}, {events({"error"})}}};
    return {
        {"a stream", true, {good_stream()}},
        {"a whole answer", false, {good_answer()}},
        {"a stream after a failure", true, {refused(500), good_stream()}},
        {"a whole answer after a failure", false, {refused(429), refused(503), good_answer()}},
        {"a stream that comments opened", true, {late}},
        {"a stream that breaks", true, {broken}},
        {"nothing works", true, {refused(500)}},
    };
}

bool is_whole(FakeSink const& sink) { return sink.ended; }

}  // namespace

TEST_CASE("a client may leave at any moment, and is recorded once as gone", "[pipeline][cancellation]") {
    for (auto const& story : stories()) {
        int moments = 0;
        for (int stop_at = 1;; ++stop_at) {
            CAPTURE(story.name, stop_at);
            REQUIRE(stop_at < 100);
            Gateway gateway;
            gateway.chat.stream = story.stream;
            gateway.turnstile.stop_at = stop_at;
            auto const& outcome = gateway.ask(story.scenes);  // checks that there is exactly one
            if (gateway.turnstile.passed < stop_at) break;
            ++moments;
            for (auto const& provider : gateway.health.providers()) CHECK(provider.in_flight == 0);
            for (auto const& breaker : gateway.health.breakers(gateway.clock.time)) {
                CHECK(breaker.state == BreakerState::closed);
            }
            if (is_whole(*gateway.sink)) {  // it left when it had everything
                CHECK_FALSE(outcome.client_left);
                continue;
            }
            REQUIRE(outcome.error);
            bool const broke_before = outcome.error->kind == ErrorKind::stream_interrupted;
            CHECK(outcome.status == (broke_before ? 200 : 499));
            CHECK(outcome.client_left);
            CHECK(outcome.duration >= Duration::zero());
        }
        CHECK(moments >= 4);
    }
}

TEST_CASE("a client that leaves stops its upstream at once, and what it got is settled", "[pipeline][cancellation]") {
    Gateway gateway;
    // call, head, read (role), read (one), start, write, read (two), write, read
    gateway.turnstile.stop_at = 9;
    Scene scene{.body = {{events({"role"})}, {events({"one"})}, {events({"two"})}, {events({"three", "[DONE]"})}}};
    auto const& outcome = gateway.ask(scene);
    CHECK(gateway.sink->body == events({"role", "one", "two"}));
    CHECK(gateway.upstream.cut_off == 1);
    CHECK(gateway.upstream.calls.size() == 1);
    CHECK(outcome.status == 499);
    CHECK(outcome.client_left);
    CHECK(outcome.error->kind == ErrorKind::client_closed);
    CHECK(outcome.attempts.at(0).result == AttemptResult::cancelled);
    CHECK(outcome.usage.source == UsageSource::estimated);
    CHECK(outcome.usage.output == 2);
    CHECK(outcome.cost);
}

TEST_CASE("a client that leaves before the first token leaves an uncertain, estimated attempt",
          "[pipeline][cancellation]") {
    Gateway gateway;
    gateway.turnstile.stop_at = 2;  // waiting for the head
    auto const& outcome = gateway.ask(good_stream());
    CHECK(outcome.status == 499);
    CHECK(outcome.attempts.at(0).uncertain);
    CHECK(outcome.usage == Usage{.input = 10, .source = UsageSource::estimated});
}

TEST_CASE("a client that leaves before anything was sent costs nothing", "[pipeline][cancellation]") {
    Gateway gateway;
    gateway.turnstile.stop_at = 1;
    auto const& outcome = gateway.ask(good_stream());
    CHECK(outcome.status == 499);
    CHECK_FALSE(outcome.attempts.at(0).uncertain);
    CHECK(outcome.usage == Usage{});
}

TEST_CASE("at shutdown a stream ends with its error event, and a waiting request with 503",
          "[pipeline][cancellation]") {
    Gateway gateway;
    gateway.turnstile.reason = CancelReason::server_shutdown;
    SECTION("before the first delta") {
        gateway.turnstile.stop_at = 2;
        auto const& outcome = gateway.ask(good_stream());
        CHECK(gateway.sink->status == 503);
        CHECK(gateway.sink->header("retry-after") == "1");
        CHECK(gateway.sink->header("x-should-retry") == "true");
        CHECK(gateway.sink->body.find("\"code\":\"server_shutdown\"") != std::string::npos);
        CHECK(outcome.status == 503);
        CHECK_FALSE(outcome.client_left);
    }
    SECTION("in the stream") {
        gateway.turnstile.stop_at = 7;
        auto const& outcome = gateway.ask(good_stream());
        CHECK(gateway.sink->body.starts_with(events({"role", "hi"}) + "data: {\"error\""));
        CHECK(gateway.sink->body.find("\"code\":\"server_shutdown\"") != std::string::npos);
        CHECK(gateway.sink->body.find("[DONE]") == std::string::npos);
        CHECK(outcome.status == 200);
    }
}

TEST_CASE("shutdown may come at any moment, too", "[pipeline][cancellation]") {
    for (auto const& story : stories()) {
        for (int stop_at = 1;; ++stop_at) {
            CAPTURE(story.name, stop_at);
            REQUIRE(stop_at < 100);
            Gateway gateway;
            gateway.chat.stream = story.stream;
            gateway.turnstile.stop_at = stop_at;
            gateway.turnstile.reason = CancelReason::server_shutdown;
            auto const& outcome = gateway.ask(story.scenes);
            if (gateway.turnstile.passed < stop_at) break;
            CHECK(gateway.sink->ended);  // nobody is left without an end
            CHECK_FALSE(outcome.client_left);
            CHECK(outcome.status == gateway.sink->status);
        }
    }
}

namespace {

/// An upstream that never comes back.
class SilentUpstream final : public Upstream {
public:
    Task<Result<std::unique_ptr<Exchange>>> call(UpstreamCall const&) override {
        co_await std::suspend_always();
        co_return std::unexpected(error_of(ErrorKind::internal));
    }
};

/// Runs a task until it waits, and owns it.
struct Owned {
    struct promise_type {  // NOLINT(readability-identifier-naming): the language's name
        Owned get_return_object() { return Owned{std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };
    explicit Owned(std::coroutine_handle<promise_type> handle) : frame(handle) {}
    Owned(Owned const&) = delete;
    Owned& operator=(Owned const&) = delete;
    ~Owned() { frame.destroy(); }
    std::coroutine_handle<promise_type> frame;
};

Owned run(Task<> task) { co_await std::move(task); }

}  // namespace

TEST_CASE("a request whose coroutine is destroyed while it waits is recorded, and gives its place back",
          "[pipeline][cancellation]") {
    Gateway gateway;
    SilentUpstream upstream;
    Pipeline pipeline(
        upstream, gateway.clock, gateway.recorder, [](std::string_view) { return &fake_dialect(); }, gateway.budget);
    FakeSink sink(gateway.turnstile);
    Cancellation cancellation;
    Caller const nobody;
    ClientRequest const request{.request_id = "req-1",
                                .client = {},
                                .caller = nobody,
                                .method = "POST",
                                .route = "/",
                                .chat = gateway.chat,
                                .client_timeout = {},
                                .received_at = gateway.clock.time,
                                .started_at = {}};
    {
        auto const running = run(pipeline.handle(request, gateway.snapshot, sink, cancellation));
        CHECK(gateway.recorder.outcomes.empty());
        CHECK(gateway.health.providers().at(0).in_flight == 1);
    }
    REQUIRE(gateway.recorder.outcomes.size() == 1);
    CHECK(gateway.recorder.outcomes[0].status == 499);
    CHECK(gateway.recorder.outcomes[0].attempts.at(0).result == AttemptResult::cancelled);
    CHECK(gateway.health.providers().at(0).in_flight == 0);
}
