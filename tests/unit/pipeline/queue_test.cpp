// A request that finds its provider full waits in the provider's queue.
#include <catch2/catch.hpp>

#include "tests/unit/pipeline/fakes.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

/// alpha has one place, which somebody else has, and a queue.
struct Busy {
    Gateway gateway;

    explicit Busy(std::string const& model = "solo") {
        gateway.chat.requested_model = model;
        auto& alpha = gateway.settings.providers["alpha"];
        alpha.max_in_flight = 1;
        alpha.queue = {.size = 1, .max_wait = seconds(10)};
        gateway.load();
        REQUIRE(places().try_enter(1));
    }
    InFlight& places(std::string const& provider = "alpha") {
        return *gateway.snapshot->find_provider(provider)->in_flight;
    }
    void free_after(milliseconds wait) {
        gateway.clock.others.emplace(gateway.clock.time + wait, [this] { places().leave(); });
    }
    std::uint64_t waits(InFlight::WaitEnd end) { return places().waits(end); }
};

}  // namespace

TEST_CASE("a request waits for a place, which is not our own time", "[pipeline][queue]") {
    Busy busy;
    busy.free_after(seconds(3));
    auto const& outcome = busy.gateway.ask(good_stream());
    CHECK(outcome.status == 200);
    REQUIRE(outcome.attempts.size() == 1);
    CHECK(outcome.attempts[0].waited == seconds(3));
    CHECK(outcome.duration == seconds(3));
    CHECK(outcome.upstream_time == seconds(3));
    CHECK(busy.places().count() == 0);
    CHECK(busy.waits(InFlight::WaitEnd::served) == 1);
}

TEST_CASE("a request waits no longer than max_wait and its deadline", "[pipeline][queue]") {
    Busy busy;
    busy.gateway.chat.stream = false;
    auto limit = seconds(10);
    SECTION("max_wait") {}
    SECTION("its deadline") {
        limit = seconds(2);
        busy.gateway.client_timeout = limit;
    }
    auto const& outcome = busy.gateway.ask(good_stream());
    CHECK(busy.gateway.sink->status == 503);
    CHECK(outcome.error->kind == ErrorKind::overloaded);
    CHECK_FALSE(busy.gateway.sink->header("retry-after").empty());
    CHECK(outcome.duration == limit);
    CHECK(outcome.upstream_time == limit);
    CHECK(outcome.attempts.empty());
    CHECK(busy.places().waiting() == 0);
    CHECK(busy.places().count() == 1);
    CHECK(busy.waits(InFlight::WaitEnd::expired) == 1);
}

TEST_CASE("a full queue refuses at once", "[pipeline][queue]") {
    Busy busy;
    auto const gate = busy.gateway.clock.make_gate();
    auto const other = busy.places().wait_in_line("x", {.max = 1, .size = 1}, gate);
    auto const& outcome = busy.gateway.ask(good_stream());
    CHECK(busy.gateway.sink->status == 503);
    CHECK_FALSE(busy.gateway.sink->header("retry-after").empty());
    CHECK(outcome.duration == Duration::zero());
    CHECK(busy.waits(InFlight::WaitEnd::refused) == 1);
}

TEST_CASE("a target with room is tried before anybody waits", "[pipeline][queue]") {
    Busy busy("m");
    busy.gateway.ask(good_stream());
    CHECK(busy.gateway.upstream.calls.at(0).provider == "beta");
}

TEST_CASE("after a failed attempt nobody waits", "[pipeline][queue]") {
    Busy busy("m");
    busy.gateway.settings.models[0].targets = {{"beta", "two"}, {"alpha", "one"}};
    busy.gateway.load();
    auto const& outcome = busy.gateway.ask({refused(500)});
    CHECK(outcome.error->kind == ErrorKind::upstream_server_error);
    CHECK(busy.waits(InFlight::WaitEnd::served) + busy.waits(InFlight::WaitEnd::expired) == 0);
}

TEST_CASE("a target whose breaker is open is not waited for", "[pipeline][queue]") {
    Busy busy;
    auto const& target = busy.gateway.snapshot->find_model("solo")->model->targets.at(0);
    for (int i = 0; i < 5; ++i) {
        target.health->report(Verdict::failure, Breaker::Pass::normal, busy.gateway.clock.time, 0.5);
    }
    auto const& outcome = busy.gateway.ask(good_stream());
    CHECK(outcome.error->kind == ErrorKind::no_upstream_available);
    CHECK(outcome.duration == Duration::zero());
}

TEST_CASE("a place at a target that fails meanwhile is given back", "[pipeline][queue]") {
    Busy busy;
    auto const& target = busy.gateway.snapshot->find_model("solo")->model->targets.at(0);
    busy.gateway.clock.others.emplace(busy.gateway.clock.time + seconds(1), [&busy, &target] {
        for (int i = 0; i < 5; ++i) {
            target.health->report(Verdict::failure, Breaker::Pass::normal, busy.gateway.clock.time, 0.5);
        }
        busy.places().leave();
    });
    auto const& outcome = busy.gateway.ask(good_stream());
    CHECK(outcome.error->kind == ErrorKind::no_upstream_available);
    CHECK(busy.places().count() == 0);
}

TEST_CASE("a streaming client hears something while it waits", "[pipeline][queue]") {
    Busy busy;
    busy.gateway.settings.providers["alpha"].queue.max_wait = seconds(60);
    busy.gateway.load();
    busy.free_after(seconds(30));
    auto const& outcome = busy.gateway.ask(good_stream("hi"));
    CHECK(outcome.status == 200);
    CHECK(busy.gateway.sink->body.starts_with(": keep-alive"));
    CHECK(busy.gateway.sink->body.ends_with("data: [DONE]\n\n"));
    CHECK(busy.places().count() == 0);
}

TEST_CASE("whoever leaves while waiting leaves nothing behind", "[pipeline][queue]") {
    auto const stop_at = GENERATE(range(1, 12));
    auto const reason = GENERATE(CancelReason::client_left, CancelReason::server_shutdown);
    CAPTURE(stop_at);
    Busy busy;
    busy.gateway.turnstile.stop_at = stop_at;
    busy.gateway.turnstile.reason = reason;
    busy.free_after(seconds(3));
    busy.gateway.ask(good_stream());
    if (busy.gateway.clock.others.empty()) {
        CHECK(busy.places().count() == 0);
    } else {
        CHECK(busy.places().count() == 1);
    }
    CHECK(busy.places().waiting() == 0);
}

TEST_CASE("keys of one team wait in one line, a key without a team in its own", "[pipeline][queue]") {
    auto const [name, team, line] = GENERATE(table<char const*, char const*, char const*>({
        {"one", "team", "team"},
        {"one", "", "one"},
    }));
    Busy busy;
    busy.gateway.settings.providers["alpha"].queue.size = 8;
    busy.gateway.load();
    auto const gate = busy.gateway.clock.make_gate();
    InFlight::Line const room{.max = 1, .size = 8};
    auto const before_it = busy.places().wait_in_line(line, room, gate);
    auto const other = busy.places().wait_in_line("other", room, gate);
    busy.gateway.caller = {.name = name, .team = team};
    for (auto const wait : {1, 2, 3}) busy.free_after(seconds(wait));
    auto const& outcome = busy.gateway.ask(good_stream());
    CHECK(outcome.attempts.at(0).waited == seconds(3));  // its line's first, the other line's, then it
    CHECK(before_it->take_place());
    CHECK(other->take_place());
}
