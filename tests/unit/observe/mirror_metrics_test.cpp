// What copies for a shadow target, and full or probed providers, look like on the page.
#include <catch2/catch.hpp>

#include "core/pipeline/health.hpp"
#include "page_reader.hpp"
#include "sample_outcomes.hpp"
#include "server/observe/metrics.hpp"

using namespace sluice;
using sample::family_text;

namespace {

Outcome copy() {
    auto outcome = sample::stream();
    outcome.caller.clear();
    outcome.mirror = Mirror::copy;
    return outcome;
}

}  // namespace

TEST_CASE("a copy is no request of a client's, yet its provider was used", "[metrics][mirror]") {
    observe::Metrics metrics(sample::settings(), 1, {});
    metrics.shard(0).record(copy());
    auto const page = metrics.expose();
    for (auto const* family : {"sluice_requests_total", "sluice_key_requests_total", "sluice_key_cost_usd_total",
                               "sluice_overhead_seconds", "gen_ai_server_request_duration_seconds"}) {
        CHECK(family_text(page, family).empty());
    }
    CHECK(family_text(page, "sluice_mirrors_total") == "sluice_mirrors_total{model=\"smart\",outcome=\"ok\"} 1\n");
    CHECK(family_text(page, "sluice_upstream_attempts_total") ==
          "sluice_upstream_attempts_total{provider=\"acme\",outcome=\"ok\"} 1\n");
    CHECK(family_text(page, "sluice_cost_usd_total") ==
          "sluice_cost_usd_total{provider=\"acme\",model=\"smart\"} 0.0012345\n");
    CHECK_FALSE(family_text(page, "gen_ai_client_token_usage").empty());
}

TEST_CASE("a request without its copy says why", "[metrics][mirror]") {
    observe::Metrics metrics(sample::settings(), 1, {});
    for (auto const why : {Mirror::sent, Mirror::skipped, Mirror::unfit}) {
        auto outcome = sample::stream();
        outcome.mirror = why;
        metrics.shard(0).record(outcome);
    }
    auto none_sent = copy();
    none_sent.attempts.clear();
    metrics.shard(0).record(none_sent);
    CHECK(family_text(metrics.expose(), "sluice_mirrors_total") ==
          "sluice_mirrors_total{model=\"smart\",outcome=\"not_sent\"} 1\n"
          "sluice_mirrors_total{model=\"smart\",outcome=\"skipped\"} 1\n"
          "sluice_mirrors_total{model=\"smart\",outcome=\"unfit\"} 1\n");
}

TEST_CASE("the page shows who waits, how waits ended, and what probes say", "[metrics]") {
    observe::Metrics metrics(sample::settings(), 1, {});
    metrics.set_provider_source([] {
        ProviderStatus probed{.provider = "acme", .waiting = 3, .healthy = false};
        probed.waits[static_cast<std::size_t>(InFlight::WaitEnd::expired)] = 2;
        ProviderStatus const other{.provider = "backup"};
        return std::vector{probed, other};
    });
    auto const page = metrics.expose();
    CHECK(family_text(page, "sluice_queue_waiting") ==
          "sluice_queue_waiting{provider=\"acme\"} 3\nsluice_queue_waiting{provider=\"backup\"} 0\n");
    CHECK(family_text(page, "sluice_queue_waits_total") ==
          "sluice_queue_waits_total{provider=\"acme\",outcome=\"expired\"} 2\n");
    CHECK(family_text(page, "sluice_provider_healthy") == "sluice_provider_healthy{provider=\"acme\"} 0\n");
}
