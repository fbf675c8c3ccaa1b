// Label values come from the configuration and fixed lists, and one limit holds for the process.
#include <catch2/catch.hpp>
#include <thread>

#include "page_reader.hpp"
#include "sample_outcomes.hpp"
#include "server/observe/metrics.hpp"

using namespace sluice;
using namespace sluice::observe;

namespace {

/// Lines on the page that requests made.
std::size_t request_series(Metrics const& metrics) {
    std::size_t count = 0;
    for (auto const& [series, value] : sample::samples(metrics.expose())) {
        for (auto const& family : all_families()) count += series.starts_with(family.name) ? 1 : 0;
    }
    return count;
}

std::string dropped_series(Metrics const& metrics) {
    return sample::samples(metrics.expose()).at("sluice_metrics_dropped_series_total");
}

std::string const junk = "junk-that-a-client-made-up-";

}  // namespace

TEST_CASE("ten thousand requests with junk names make exactly the series of the configured ones", "[metrics][bound]") {
    constexpr std::size_t models = 5;
    constexpr std::size_t keys = 3;
    Metrics metrics(sample::settings(), 2, {});
    for (std::size_t i = 0; i < 10'000; ++i) {
        auto outcome = sample::stream();
        auto const text = junk + std::to_string(i);
        outcome.model = i % (models + 1) == models ? "other" : "model-" + std::to_string(i % (models + 1));
        outcome.caller = "key-" + std::to_string(i % keys);
        outcome.requested_model = outcome.reported_model = outcome.finish_reason = outcome.request_id = text;
        outcome.client.user_agent = outcome.client.sdk = outcome.client.ip = outcome.method = text;
        outcome.client.retry_count = 1;
        outcome.attempts.front().upstream_request_id = outcome.attempts.front().reason = text;
        metrics.shard(i % 2).record(outcome);
    }
    // Beside each bucket list stand +Inf, sum and count.
    constexpr std::size_t token_usage = 2 * (14 + 3);
    constexpr std::size_t durations = 3 * (17 + 3);  // request, attempt, first chunk
    constexpr std::size_t first_token = 22 + 3;
    constexpr std::size_t per_token = 13 + 3;
    constexpr std::size_t counters = 2;  // requests, cost
    constexpr std::size_t per_model = token_usage + durations + first_token + per_token + counters;
    constexpr std::size_t per_key = 4;     // requests, two kinds of token, cost
    constexpr std::size_t per_route = 14;  // overhead
    constexpr std::size_t rest = 2;        // attempts of one provider that went well; SDK "other"
    CHECK(request_series(metrics) == (models + 1) * per_model + keys * per_key + per_route + rest);
    CHECK_THAT(metrics.expose(), !Catch::Contains(junk));
    CHECK(dropped_series(metrics) == "0");
}

TEST_CASE("beyond max_series new series are refused and counted once, and the known ones go on", "[metrics][bound]") {
    auto settings = sample::settings();
    settings.telemetry.max_series = 500;
    Metrics metrics(settings, 2, {});
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 50; ++i) {
            auto outcome = sample::stream();
            outcome.model = "model-" + std::to_string(i);
            metrics.shard(0).record(outcome);
            metrics.shard(1).record(outcome);
        }
    }
    CHECK(request_series(metrics) <= 500);
    CHECK(request_series(metrics) > 450);
    auto const all = sample::samples(metrics.expose());
    CHECK(all.at("sluice_requests_total{route=\"/v1/chat/completions\",model=\"model-0\",code=\"200\"}") == "6");
    CHECK(all.at("sluice_key_requests_total{key=\"ci\"}") == "300");
    auto const dropped = std::stoi(dropped_series(metrics));
    CHECK(dropped > 0);
    CHECK(dropped < 50 * 9);

    SECTION("a higher limit lets them in") {
        settings.telemetry.max_series = 20'000;
        metrics.configure(settings);
        auto outcome = sample::stream();
        outcome.model = "model-49";
        metrics.shard(1).record(outcome);
        auto const page = sample::samples(metrics.expose());
        CHECK(page.at("sluice_requests_total{route=\"/v1/chat/completions\",model=\"model-49\",code=\"200\"}") == "1");
        CHECK(std::stoi(dropped_series(metrics)) == dropped);
    }
}

TEST_CASE("more names than there are numbers become other", "[metrics][bound]") {
    Registry registry(100);
    NameId last{};
    for (std::size_t i = 0; i < max_names + 10; ++i) last = registry.intern("name-" + std::to_string(i));
    CHECK(last == registry.fixed().other);
    CHECK(registry.names().size() == max_names);
}

TEST_CASE("a status is its own label when it is on the list, else its class", "[metrics][bound]") {
    Registry const registry(100);
    auto const names = registry.names();
    auto const [status, label] = GENERATE(table<int, char const*>({{200, "200"},
                                                                   {429, "429"},
                                                                   {499, "499"},
                                                                   {418, "4xx"},
                                                                   {599, "5xx"},
                                                                   {302, "3xx"},
                                                                   {0, "other"},
                                                                   {-1, "other"},
                                                                   {600, "other"},
                                                                   {99, "other"}}));
    CAPTURE(status);
    CHECK(names[static_cast<std::size_t>(registry.fixed().code(status))] == label);
}

TEST_CASE("the packed key gives its parts back", "[metrics][bound]") {
    auto const id = [](int number) { return static_cast<NameId>(number); };
    auto const key = series_key(FamilyId::usage_estimated, id(1), id(16383), id(2), id(9000));
    CHECK(family_of(key) == FamilyId::usage_estimated);
    CHECK(label_of(key, 0) == id(1));
    CHECK(label_of(key, 1) == id(16383));
    CHECK(label_of(key, 2) == id(2));
    CHECK(label_of(key, 3) == id(9000));
}

TEST_CASE("the page can be made while workers write and the settings change", "[metrics][threads]") {
    constexpr int requests = 2'000;
    auto settings = sample::settings();
    Metrics metrics(settings, 2, {});
    auto const work = [&metrics](unsigned worker) {
        auto& shard = metrics.shard(worker);
        auto outcome = sample::stream();
        for (int i = 0; i < requests; ++i) {
            outcome.model = "model-" + std::to_string(i % 40);
            shard.request_started();
            shard.record(outcome);
            shard.request_finished();
        }
    };
    std::thread first(work, 0U);
    std::thread second(work, 1U);
    for (int i = 0; i < 20; ++i) {
        CHECK(metrics.expose().size() > 1000);
        settings.telemetry.max_series = 20'000U + static_cast<unsigned>(i);
        metrics.configure(settings);
    }
    first.join();
    second.join();
    auto const all = sample::samples(metrics.expose());
    CHECK(all.at("sluice_key_requests_total{key=\"ci\"}") == std::to_string(2 * requests));
    CHECK(all.at("sluice_in_flight_requests") == "0");
}
