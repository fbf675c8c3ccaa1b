#include "core/pipeline/target_pass.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/pipeline/fakes.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

struct Fixture {
    Gateway gateway;
    TargetRuntime const& target = gateway.snapshot->find_model("solo")->model->targets.at(0);
    Instant now = gateway.clock.time;

    void open_breaker() {
        for (int i = 0; i < 5; ++i) target.health->report(Verdict::failure, Breaker::Pass::normal, now, 0.5);
        now += seconds(5);
    }
    unsigned in_flight() const { return target.provider->in_flight->count(); }
};

}  // namespace

TEST_CASE("a pass gives its place and its probe back, whatever happened", "[target_pass]") {
    Fixture fixture;
    fixture.open_breaker();
    {
        auto const pass = TargetPass::enter(fixture.target, fixture.now, {});
        REQUIRE(pass);
        CHECK(fixture.in_flight() == 1);
        CHECK_FALSE(TargetPass::enter(fixture.target, fixture.now, {}));
    }
    CHECK(fixture.in_flight() == 0);
    CHECK(TargetPass::enter(fixture.target, fixture.now, {}));
}

TEST_CASE("a target that has no place or no credential keeps neither the probe nor a place", "[target_pass]") {
    Fixture fixture;
    fixture.open_breaker();
    SECTION("no credential") {
        for (std::size_t i : {0, 1}) {
            fixture.target.provider->credentials->bench(i, Bench::auth, {}, fixture.now);
        }
        CHECK_FALSE(TargetPass::enter(fixture.target, fixture.now, {}));
    }
    SECTION("no place") {
        fixture.gateway.settings.providers["alpha"].max_in_flight = 1;
        fixture.gateway.load();
        auto const& target = fixture.gateway.snapshot->find_model("solo")->model->targets.at(0);
        REQUIRE(target.provider->in_flight->try_enter(1));
        CHECK_FALSE(TargetPass::enter(target, fixture.now, {}));
        target.provider->in_flight->leave();
    }
    CHECK(fixture.gateway.health.providers().at(0).in_flight == 0);
    CHECK_FALSE(fixture.gateway.snapshot->find_model("solo")->model->targets.at(0).health->view(fixture.now).refuses);
}

TEST_CASE("a pass without configured credentials sends none", "[target_pass]") {
    Gateway gateway;
    auto const& target = gateway.snapshot->find_model("any/x")->model->targets.at(0);
    auto const pass = TargetPass::enter(target, gateway.clock.time, {});
    REQUIRE(pass);
    CHECK(pass->credential() == nullptr);
}
