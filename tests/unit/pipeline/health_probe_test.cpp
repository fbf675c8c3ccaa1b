// Probes of a provider, and what they mean for requests.
#include "core/pipeline/health_probe.hpp"

#include <catch2/catch.hpp>

#include "core/pipeline/target_pass.hpp"
#include "tests/unit/pipeline/fakes.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

struct Probed {
    Gateway gateway;
    Cancellation cancellation;

    Probed() {
        gateway.settings.providers["alpha"].health = {
            .path = "/health", .every = seconds(5), .unhealthy_after = 1, .healthy_after = 1};
        gateway.load();
        gateway.turnstile.cancellation = &cancellation;
    }
    ProviderRuntime const& alpha() { return *gateway.snapshot->find_provider("alpha"); }
    std::optional<Probe> ask(Scene scene) {
        gateway.upstream.scenes = {std::move(scene)};
        std::optional<Probe> found;
        auto go = [](Probed& self, std::optional<Probe>& into) -> Task<> {
            into = co_await probe(self.gateway.upstream, self.gateway.clock, self.alpha(), self.cancellation);
        };
        spawn(go(*this, found), [](std::exception_ptr const& thrown) {
            if (thrown) std::rethrow_exception(thrown);
        });
        return found;
    }
    void note(ProbeResult result) { alpha().health->note(result, alpha().settings->health); }
};

}  // namespace

TEST_CASE("a probe asks the server for its page, with a credential, and keeps the connection", "[pipeline][health]") {
    Probed probed;
    auto const answer = probed.ask({.status = 200, .body = {{"fine"}}});
    REQUIRE(answer);
    CHECK(answer->result == ProbeResult::alive);
    auto const& call = probed.gateway.upstream.calls.at(0);
    CHECK(call.method == "GET");
    CHECK(call.path == "/health");
    CHECK(call.path_of_server);
    CHECK(call.credential == "a1");
    CHECK(call.deadline == probed.gateway.clock.time + seconds(2));
    CHECK(probed.gateway.upstream.read_to_the_end == 1);
}

TEST_CASE("a probe fails without a connection, an answer in time, or with 5xx", "[pipeline][health]") {
    Probed probed;
    CHECK(probed.ask(unreachable())->result == ProbeResult::failed);
    CHECK(probed.ask({.head_after = seconds(3)})->result == ProbeResult::failed);
    CHECK(probed.ask({.status = 503})->why == "it answered 503");
    CHECK(probed.ask({.status = 404})->result == ProbeResult::misdirected);
}

TEST_CASE("a probe that we could not send says nothing", "[pipeline][health]") {
    Probed probed;
    CHECK_FALSE(probed.ask({.call_fails = error_of(ErrorKind::overloaded)}));
    probed.cancellation.trigger(CancelReason::server_shutdown);
    CHECK_FALSE(probed.ask({}));
}

TEST_CASE("a provider that is down gets no requests, until it is back", "[pipeline][health]") {
    Probed probed;
    auto& gateway = probed.gateway;
    probed.note(ProbeResult::failed);
    probed.alpha().health->expect_probe(gateway.clock.time + seconds(5));
    gateway.ask(good_stream());
    CHECK(gateway.upstream.calls.at(0).provider == "beta");
    gateway.chat.requested_model = "solo";
    auto const& refused = gateway.ask(good_stream());
    CHECK(refused.error->kind == ErrorKind::no_upstream_available);
    CHECK(refused.error->retry_after == seconds(5));
    probed.note(ProbeResult::alive);
    CHECK(gateway.ask(good_stream()).status == 200);
}

TEST_CASE("what probes know survives a reload, and goes with the probes", "[pipeline][health]") {
    Probed probed;
    auto& gateway = probed.gateway;
    CHECK_FALSE(gateway.health.providers().at(0).healthy);
    probed.note(ProbeResult::failed);
    gateway.load();
    CHECK(gateway.health.providers().at(0).healthy == false);
    probed.alpha().health->forget();
    CHECK_FALSE(gateway.health.providers().at(0).healthy);
    CHECK(gateway.ask(good_stream()).attempts.at(0).provider == "alpha");
}

TEST_CASE("a target goes in when the provider is down only where the request says so", "[target_pass][health]") {
    Probed probed;
    auto const& target = probed.gateway.snapshot->find_model("solo")->model->targets.at(0);
    probed.note(ProbeResult::failed);
    CHECK_FALSE(TargetPass::enter(target, probed.gateway.clock.time, {}));
    CHECK(TargetPass::enter(target, probed.gateway.clock.time, {.whatever_the_breaker_says = true}));
    REQUIRE(probed.alpha().in_flight->try_enter(0));
    CHECK_FALSE(TargetPass::enter(target, probed.gateway.clock.time, {.has_place = true}));
    CHECK(probed.alpha().in_flight->count() == 0);
}

TEST_CASE("a probe that succeeds lets an open breaker be probed at once", "[pipeline][health]") {
    Probed probed;
    auto const now = probed.gateway.clock.time;
    auto const& target = probed.gateway.snapshot->find_model("solo")->model->targets.at(0);
    for (int i = 0; i < 5; ++i) target.health->report(Verdict::failure, Breaker::Pass::normal, now, 0.5);
    REQUIRE(target.health->view(now).refuses);
    probed.gateway.health.let_probe("beta", now);
    CHECK(target.health->view(now).refuses);
    probed.gateway.health.let_probe("alpha", now);
    auto const pass = TargetPass::enter(target, now, {});
    REQUIRE(pass);
    CHECK(pass->is_probe());
}
