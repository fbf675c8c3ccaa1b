// Copies of requests for a shadow target.
#include <catch2/catch.hpp>

#include "tests/unit/pipeline/fakes.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

/// "solo" goes to alpha/one, with a copy to beta/shadow, which the fakes serve before the request goes on.
struct Mirrored {
    Gateway gateway;

    explicit Mirrored(unsigned percent = 100) {
        gateway.chat.requested_model = "solo";
        auto& model = gateway.settings.models[1];
        model.extra_targets = {{"beta", "shadow"}};
        model.mirror = {.target = 0, .percent = percent, .max_in_flight = 2};
        gateway.settings.prices["beta/shadow"] = gateway.settings.prices["alpha/one"];
        gateway.load();
    }
    ModelRuntime const& model() { return *gateway.snapshot->find_model("solo")->model; }
    Outcome const* copy() {
        for (auto const& outcome : gateway.recorder.outcomes) {
            if (outcome.mirror == Mirror::copy) return &outcome;
        }
        return nullptr;
    }
};

}  // namespace

TEST_CASE("a copy goes to the shadow, and the client sees nothing of it", "[pipeline][mirror]") {
    Mirrored mirrored;
    auto const& outcome = mirrored.gateway.ask({good_stream("shadow"), good_stream("real")});
    CHECK(outcome.mirror == Mirror::sent);
    CHECK(outcome.attempts.size() == 1);
    CHECK(mirrored.gateway.sink->body == events({"role", "real", "[DONE]"}));
    auto const& calls = mirrored.gateway.upstream.calls;
    REQUIRE(calls.size() == 2);
    CHECK(calls[0].provider == "beta");
    CHECK(calls[0].body == "shadow and the rest");
    CHECK(calls[1].body == "one and the rest");
    auto const* copy = mirrored.copy();
    REQUIRE(copy);
    CHECK(copy->request_id == "req-1-mirror");
    CHECK(copy->status == 200);
    CHECK(copy->caller.empty());
    CHECK(copy->model == "solo");
    REQUIRE(copy->attempts.size() == 1);
    CHECK(copy->attempts[0].target_model == "shadow");
    CHECK(copy->usage.input == 10);
    CHECK(copy->cost == NanoUsd{20'000});
    CHECK(copy->bytes_out == 0);
    CHECK(outcome.cost == NanoUsd{20'000});
    CHECK(mirrored.model().mirrors->count() == 0);
    CHECK(mirrored.gateway.snapshot->find_provider("beta")->in_flight->count() == 0);
}

TEST_CASE("a shadow that fails is asked once, and its breaker hears of it", "[pipeline][mirror]") {
    Mirrored mirrored;
    auto const bad = GENERATE(as<Scene>(), refused(500), unreachable(), Scene{.body = {{"data: role\n\n"}}},
                              Scene{.head_after = seconds(10'000)});
    for (int i = 0; i < 5; ++i) {
        CHECK(mirrored.gateway.ask({bad, good_stream("real")}).status == 200);
        CHECK(mirrored.gateway.upstream.calls.size() == 2);
    }
    auto const* copy = mirrored.copy();
    REQUIRE(copy);
    CHECK(copy->error);
    CHECK(copy->status >= 500);
    CHECK_FALSE(copy->client_left);
    CHECK(mirrored.gateway.ask({good_stream("real")}).mirror == Mirror::unfit);  // its breaker is open
    CHECK(mirrored.gateway.upstream.calls.size() == 1);
}

TEST_CASE("answers that are not streamed are copied, too", "[pipeline][mirror]") {
    Mirrored mirrored;
    mirrored.gateway.chat.stream = false;
    mirrored.gateway.ask({good_answer()});
    CHECK(mirrored.copy()->status == 200);
    CHECK(mirrored.gateway.sink->body == "{\"answer\":1}");
}

TEST_CASE("with too many copies under way none is made", "[pipeline][mirror]") {
    Mirrored mirrored;
    auto& under_way = *mirrored.model().mirrors;
    REQUIRE((under_way.try_enter(2) && under_way.try_enter(2)));
    CHECK(mirrored.gateway.ask({good_stream()}).mirror == Mirror::skipped);
    CHECK_FALSE(mirrored.copy());
    under_way.leave();
    CHECK(mirrored.gateway.ask({good_stream()}).mirror == Mirror::sent);
    CHECK(under_way.count() == 1);
}

TEST_CASE("the lot decides which requests are copied", "[pipeline][mirror]") {
    Mirrored mirrored(10);
    int copies = 0;
    for (int i = 0; i < 1'000; ++i) {
        mirrored.gateway.clock.draw = i / 1'000.0 + 0.000123;
        copies += mirrored.gateway.ask({good_stream()}).mirror == Mirror::sent ? 1 : 0;
    }
    CHECK(copies > 60);
    CHECK(copies < 140);
}

TEST_CASE("a shadow gets no request that it may not see", "[pipeline][mirror]") {
    Mirrored mirrored;
    mirrored.gateway.settings.models[1].targets[0].traits.region = "eu";
    mirrored.gateway.load();
    mirrored.gateway.caller.require.regions = {"eu"};
    CHECK(mirrored.gateway.ask({good_stream()}).mirror == Mirror::unfit);
    CHECK_FALSE(mirrored.copy());
}

TEST_CASE("a copy binds no session and counts as no request", "[pipeline][mirror]") {
    Mirrored mirrored;
    mirrored.gateway.ask({good_stream()});
    CHECK(mirrored.gateway.snapshot->sessions().size() == 0);
}
