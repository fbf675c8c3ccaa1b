#include <catch2/catch.hpp>

#include "core/pipeline/continuation.hpp"
#include "tests/unit/pipeline/fakes.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

Error broken() { return error_of(ErrorKind::stream_interrupted); }

/// alpha/one, then beta/two, which goes on with what others began, then gamma/three, which does too.
struct Continuing : Gateway {
    Continuing() {
        auto& model = settings.models[0];
        settings.providers["gamma"].name = "gamma";
        model.targets.push_back({"gamma", "three"});
        model.continue_after_cut = true;
        for (auto const place : {1U, 2U}) model.targets[place].traits.has.add(Capability::continues_assistant);
        load();
    }
};

Scene cut_after(std::vector<std::string> const& texts, Error error = broken()) {
    return {.body = {{events(texts)}, {.bytes = {}, .fails = std::move(error)}}};
}

Scene goes_on() { return {.body = {{events({"world", "usage", "[DONE]"})}}}; }

bool ends_with_error(std::string const& body) { return body.find("data: {\"error\"") != std::string::npos; }

}  // namespace

TEST_CASE("a stream that broke off goes on at the next target that continues texts", "[pipeline][continuation]") {
    auto const error = GENERATE(ErrorKind::stream_interrupted, ErrorKind::upstream_unavailable,
                                ErrorKind::upstream_overloaded, ErrorKind::upstream_invalid_response);
    Continuing gateway;
    auto const& outcome = gateway.ask({cut_after({"role", "hello"}, error_of(error)), goes_on()});
    CHECK(gateway.sink->body == events({"role", "hello", "world", "[DONE]"}));
    CHECK(gateway.sink->ended);
    CHECK_FALSE(gateway.sink->forgot_request);
    CHECK(outcome.status == 200);
    CHECK_FALSE(outcome.error);
    REQUIRE(gateway.upstream.calls.size() == 2);
    CHECK(gateway.upstream.calls[1].provider == "beta");
    CHECK(gateway.upstream.calls[1].body == "two and the rest+hello");
    REQUIRE(outcome.attempts.size() == 2);
    CHECK_FALSE(outcome.attempts[0].continued);
    CHECK(outcome.attempts[0].result == AttemptResult::interrupted);
    CHECK(outcome.attempts[1].continued);
    CHECK(outcome.attempts[1].result == AttemptResult::ok);
    CHECK(outcome.attempts[1].reason.starts_with("continued after a cut; "));
}

TEST_CASE("both legs of a continued stream are recorded and paid for", "[pipeline][continuation]") {
    Continuing gateway;
    auto const& outcome = gateway.ask({cut_after({"role", "hello"}), goes_on()});
    REQUIRE(outcome.attempts.size() == 2);
    CHECK(outcome.attempts[0].usage.source == UsageSource::estimated);
    CHECK(outcome.attempts[0].usage.output == 1);
    CHECK(outcome.attempts[1].usage == Usage{.input = 10, .output = 5, .source = UsageSource::provider});
    CHECK(outcome.usage.input == 13);
    CHECK(outcome.usage.output == 6);
    CHECK(outcome.cost->count == 3 * 1'000 + 2'000 + 10 * 1'000 + 5 * 2'000);
}

TEST_CASE("an upstream that falls silent, or says that it failed, is continued too", "[pipeline][continuation]") {
    auto const second =
        GENERATE(Say{.bytes = events({"late"}), .after = seconds(3'600)}, Say{.bytes = events({"error"})});
    Continuing gateway;
    gateway.settings.models[0].timeout.idle = milliseconds(5'000);
    gateway.load();
    gateway.ask({Scene{.body = {{events({"role", "hello"})}, second}}, goes_on()});
    CHECK(gateway.sink->body == events({"role", "hello", "world", "[DONE]"}));
}

TEST_CASE("without a target that continues texts a cut is an error, as ever", "[pipeline][continuation]") {
    auto const what = GENERATE(0, 1, 2, 3, 4);
    CAPTURE(what);
    Continuing gateway;
    auto& model = gateway.settings.models[0];
    Scene first = cut_after({"role", "hello"});
    if (what == 0) model.continue_after_cut = false;
    if (what == 1) model.targets[1].traits.has = model.targets[2].traits.has = {};
    if (what == 2) first = cut_after({"role", "tool"});  // the toy's unsafe text
    if (what == 3) gateway.chat.choices = 2;
    if (what == 4) first = cut_after({"role", "hello"}, error_of(ErrorKind::upstream_rejected));
    gateway.load();
    auto const& outcome = gateway.ask({first, goes_on()});
    CHECK(gateway.upstream.calls.size() == 1);
    CHECK(ends_with_error(gateway.sink->body));
    CHECK(outcome.error->kind == ErrorKind::stream_interrupted);
    CHECK(gateway.sink->body.find("[DONE]") == std::string::npos);
    CHECK(gateway.sink->forgot_request == (what == 0 || what == 1 || what == 3));
}

TEST_CASE("a provider's word on its targets counts unless a target lacks it", "[pipeline][continuation]") {
    auto const lacks = GENERATE(false, true);
    Continuing gateway;
    auto& model = gateway.settings.models[0];
    model.targets.pop_back();
    model.targets[1].traits.has = {};
    if (lacks) model.targets[1].traits.lacks.add(Capability::continues_assistant);
    gateway.settings.providers["beta"].traits.has.add(Capability::continues_assistant);
    gateway.load();
    gateway.ask({cut_after({"role", "hello"}), goes_on()});
    CHECK(ends_with_error(gateway.sink->body) == lacks);
}

TEST_CASE("at most two targets go on with one answer, each from where the one before was", "[pipeline][continuation]") {
    auto const second = GENERATE(0, 1, 2);
    CAPTURE(second);
    Continuing gateway;
    Scene const fails = second == 0 ? unreachable() : second == 1 ? refused(503) : cut_after({"big "});
    auto const& outcome = gateway.ask({cut_after({"role", "hello"}), fails, goes_on()});
    std::string const so_far = second == 2 ? "hellobig " : "hello";
    REQUIRE(gateway.upstream.calls.size() == 3);
    CHECK(gateway.upstream.calls[2].provider == "gamma");
    CHECK(gateway.upstream.calls[2].body == "three and the rest+" + so_far);
    CHECK_FALSE(ends_with_error(gateway.sink->body));
    CHECK(gateway.sink->body.ends_with(events({"world", "[DONE]"})));
    CHECK(outcome.status == 200);
    auto const& failed = gateway.ask({cut_after({"role", "hello"}), fails, cut_after({"small "}), goes_on()});
    CHECK(gateway.upstream.calls.size() == 3);
    CHECK(ends_with_error(gateway.sink->body));
    CHECK(failed.error->kind == ErrorKind::stream_interrupted);
    CHECK(failed.attempts.size() == 3);
    CHECK(failed.attempts[1].result == (second == 0   ? AttemptResult::connect
                                        : second == 1 ? AttemptResult::server_error
                                                      : AttemptResult::interrupted));
}

TEST_CASE("a provider that was asked already is asked again only within the retry budget", "[pipeline][continuation]") {
    auto const used_up = GENERATE(false, true);
    Continuing gateway;
    auto& model = gateway.settings.models[0];
    model.targets[1] = {"alpha", "other"};
    model.targets[1].traits.has.add(Capability::continues_assistant);
    model.targets.pop_back();
    gateway.load();
    for (int i = 0; used_up && i < 20; ++i) gateway.budget->try_take(gateway.clock.time);
    gateway.ask({cut_after({"role", "hello"}), goes_on()});
    CHECK(ends_with_error(gateway.sink->body) == used_up);
}

TEST_CASE("another provider comes before another model of the one that failed", "[pipeline][continuation]") {
    Continuing gateway;
    auto& model = gateway.settings.models[0];
    model.targets[1] = {"alpha", "other"};
    model.targets[1].traits.has.add(Capability::continues_assistant);
    gateway.load();
    gateway.ask({cut_after({"role", "hello"}), goes_on()});
    REQUIRE(gateway.upstream.calls.size() == 2);
    CHECK(gateway.upstream.calls[1].provider == "gamma");
}

TEST_CASE("a request that is out of time, or whose client left, is not continued", "[pipeline][continuation]") {
    Continuing gateway;
    gateway.client_timeout = seconds(5);
    Scene const slow{.body = {{events({"role", "hello"})}, {.bytes = events({"late"}), .after = seconds(10)}}};
    auto const& outcome = gateway.ask({slow, goes_on()});
    CHECK(gateway.upstream.calls.size() == 1);
    CHECK(outcome.error->kind == ErrorKind::upstream_timeout);
}

TEST_CASE("a continued request that is cancelled anywhere ends cleanly", "[pipeline][continuation]") {
    auto const reason = GENERATE(CancelReason::client_left, CancelReason::server_shutdown);
    for (int stop_at = 1; stop_at < 20; ++stop_at) {
        CAPTURE(stop_at);
        Continuing gateway;
        gateway.turnstile.stop_at = stop_at;
        gateway.turnstile.reason = reason;
        auto const& outcome = gateway.ask({cut_after({"role", "hello"}), goes_on()});
        bool const complete = gateway.sink->body.ends_with("[DONE]\n\n");
        CHECK((complete || outcome.error));
    }
}
