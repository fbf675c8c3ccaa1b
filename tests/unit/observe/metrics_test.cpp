#include "server/observe/metrics.hpp"

#include <catch2/catch.hpp>

#include "page_reader.hpp"
#include "sample_outcomes.hpp"

using namespace sluice;
using namespace sluice::observe;
using sample::family_text;
using sample::samples;

namespace {

struct Fixture {
    Settings settings = sample::settings();
    Metrics metrics{settings, 2, {.version = "0.1.0", .commit = "abcdef1"}};

    std::string value(std::string const& series) const {
        auto const all = samples(metrics.expose());
        auto const found = all.find(series);
        return found == all.end() ? "absent" : found->second;
    }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "counters of all workers are added up", "[metrics]") {
    metrics.shard(0).record(sample::stream());
    metrics.shard(1).record(sample::stream());
    metrics.shard(1).record(sample::refused(ErrorKind::invalid_api_key));
    CHECK(family_text(metrics.expose(), "sluice_requests_total") ==
          "sluice_requests_total{route=\"/v1/chat/completions\",model=\"other\",code=\"401\"} 1\n"
          "sluice_requests_total{route=\"/v1/chat/completions\",model=\"smart\",code=\"200\"} 2\n");
}

TEST_CASE_METHOD(Fixture, "a histogram is the sum of all workers' buckets, and an edge belongs to its bucket",
                 "[metrics]") {
    auto outcome = sample::refused(ErrorKind::unknown_route);
    outcome.route = "other";
    for (auto const duration : {sample::microseconds(50), sample::microseconds(51), sample::microseconds(7'000)}) {
        outcome.duration = duration;
        metrics.shard(0).record(outcome);
    }
    outcome.duration = seconds(3);
    metrics.shard(1).record(outcome);
    CHECK(family_text(metrics.expose(), "sluice_overhead_seconds") ==
          "sluice_overhead_seconds_count{route=\"other\"} 4\n"
          "sluice_overhead_seconds_sum{route=\"other\"} 3.007101\n"
          "sluice_overhead_seconds_bucket{route=\"other\",le=\"5e-05\"} 1\n"
          "sluice_overhead_seconds_bucket{route=\"other\",le=\"0.0001\"} 2\n"
          "sluice_overhead_seconds_bucket{route=\"other\",le=\"0.00025\"} 2\n"
          "sluice_overhead_seconds_bucket{route=\"other\",le=\"0.0005\"} 2\n"
          "sluice_overhead_seconds_bucket{route=\"other\",le=\"0.001\"} 2\n"
          "sluice_overhead_seconds_bucket{route=\"other\",le=\"0.0025\"} 2\n"
          "sluice_overhead_seconds_bucket{route=\"other\",le=\"0.005\"} 2\n"
          "sluice_overhead_seconds_bucket{route=\"other\",le=\"0.01\"} 3\n"
          "sluice_overhead_seconds_bucket{route=\"other\",le=\"0.025\"} 3\n"
          "sluice_overhead_seconds_bucket{route=\"other\",le=\"0.05\"} 3\n"
          "sluice_overhead_seconds_bucket{route=\"other\",le=\"0.1\"} 3\n"
          "sluice_overhead_seconds_bucket{route=\"other\",le=\"+Inf\"} 4\n");
}

TEST_CASE_METHOD(Fixture, "a model's request feeds the OpenTelemetry histograms with their labels", "[metrics]") {
    metrics.shard(0).record(sample::stream());
    std::string const labels =
        "{gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"openai\",sluice_provider=\"acme\","
        "gen_ai_request_model=\"smart\"";
    CHECK(value("gen_ai_server_request_duration_seconds_sum" + labels + "}") == "0.81012");
    CHECK(value("gen_ai_server_time_to_first_token_seconds_sum" + labels + "}") == "0.201");
    CHECK(value("gen_ai_server_time_per_output_token_seconds_sum" + labels + "}") == "0.03");
    CHECK(value("gen_ai_client_operation_duration_seconds_sum" + labels + "}") == "0.8");
    CHECK(value("gen_ai_client_operation_time_to_first_chunk_seconds_sum" + labels + "}") == "0.2");
    CHECK(value("gen_ai_client_token_usage_sum" + labels + ",gen_ai_token_type=\"input\"}") == "100");
    CHECK(value("gen_ai_client_token_usage_sum" + labels + ",gen_ai_token_type=\"output\"}") == "20");
}

TEST_CASE_METHOD(Fixture, "a failure carries its error_type on the durations only", "[metrics]") {
    auto outcome = sample::stream();
    outcome.error = Error{.kind = ErrorKind::upstream_rate_limited};
    outcome.status = 429;
    outcome.attempts.front().result = AttemptResult::rate_limited;
    metrics.shard(0).record(outcome);
    auto const page = metrics.expose();
    CHECK_THAT(family_text(page, "gen_ai_server_request_duration_seconds_count"),
               Catch::Contains("error_type=\"upstream_rate_limited\""));
    CHECK_THAT(family_text(page, "gen_ai_client_operation_duration_seconds_count"),
               Catch::Contains("error_type=\"rate_limited\""));
    CHECK_THAT(family_text(page, "gen_ai_server_time_to_first_token_seconds"), !Catch::Contains("error_type"));
}

TEST_CASE_METHOD(Fixture, "requests that ask no model have no gen_ai metrics", "[metrics]") {
    auto outcome = sample::refused(ErrorKind::unknown_route);
    outcome.route = "/v1/models";
    outcome.model.clear();
    metrics.shard(0).record(outcome);
    CHECK(value("sluice_requests_total{route=\"/v1/models\",code=\"404\"}") == "1");
    CHECK(family_text(metrics.expose(), "gen_ai_server_request_duration_seconds").empty());
}

TEST_CASE_METHOD(Fixture, "the same target again is a retry, another one a fallback, with the reason before it",
                 "[metrics]") {
    auto outcome = sample::stream();
    outcome.attempts = {sample::failed_attempt(AttemptResult::timeout), sample::failed_attempt(AttemptResult::connect),
                        sample::failed_attempt(AttemptResult::not_sent), sample::good_attempt()};
    outcome.attempts[2].provider = "third";
    metrics.shard(0).record(outcome);
    auto const page = metrics.expose();
    CHECK(family_text(page, "sluice_retries_total") == "sluice_retries_total{model=\"smart\",reason=\"timeout\"} 1\n");
    CHECK(family_text(page, "sluice_fallbacks_total") ==
          "sluice_fallbacks_total{model=\"smart\",reason=\"not_sent\"} 1\n");
    CHECK(value("sluice_upstream_attempts_total{provider=\"third\",outcome=\"not_sent\"}") == "1");
    CHECK_THAT(family_text(page, "gen_ai_client_operation_duration_seconds"), !Catch::Contains("third"));
}

TEST_CASE_METHOD(Fixture, "a question to a classifier is an attempt of its provider, and none that another one follows",
                 "[metrics]") {
    auto outcome = sample::stream();
    outcome.attempts = {sample::failed_attempt(AttemptResult::timeout), sample::good_attempt()};
    outcome.attempts[0].provider = "judge";
    outcome.attempts[0].classifies = true;
    metrics.shard(0).record(outcome);
    auto const page = metrics.expose();
    CHECK(value("sluice_upstream_attempts_total{provider=\"judge\",outcome=\"timeout\"}") == "1");
    CHECK(family_text(page, "sluice_retries_total").empty());
    CHECK(family_text(page, "sluice_fallbacks_total").empty());
}

TEST_CASE_METHOD(Fixture, "attempts to go on with a stream are counted by provider, and by how they ended",
                 "[metrics]") {
    auto outcome = sample::stream();
    outcome.attempts = {sample::failed_attempt(AttemptResult::interrupted),
                        sample::failed_attempt(AttemptResult::connect), sample::good_attempt()};
    outcome.attempts[1].continued = outcome.attempts[2].continued = true;
    metrics.shard(0).record(outcome);
    CHECK(value("sluice_continuations_total{provider=\"backup\",outcome=\"connect\"}") == "1");
    CHECK(value("sluice_continuations_total{provider=\"acme\",outcome=\"ok\"}") == "1");
    CHECK_THAT(metrics.expose(), !Catch::Contains("sluice_continuations_total{provider=\"backup\",outcome=\"interr"));
}

TEST_CASE_METHOD(Fixture, "money and tokens are counted by provider, model and key", "[metrics]") {
    for (int i = 0; i < 3; ++i) metrics.shard(0).record(sample::stream());
    CHECK(value("sluice_cost_usd_total{provider=\"acme\",model=\"smart\"}") == "0.0037035");
    CHECK(value("sluice_key_requests_total{key=\"ci\"}") == "3");
    CHECK(value("sluice_key_tokens_total{key=\"ci\",type=\"input\"}") == "300");
    CHECK(value("sluice_key_tokens_total{key=\"ci\",type=\"output\"}") == "60");
    CHECK(value("sluice_key_cost_usd_total{key=\"ci\"}") == "0.0037035");
}

TEST_CASE_METHOD(Fixture, "without key labels there is nothing about keys, also after a reload", "[metrics]") {
    metrics.shard(0).record(sample::stream());
    settings.telemetry.key_labels = false;
    metrics.configure(settings);
    CHECK_THAT(metrics.expose(), !Catch::Contains("sluice_key_"));
    metrics.shard(0).record(sample::stream());
    settings.telemetry.key_labels = true;
    metrics.configure(settings);
    CHECK(value("sluice_key_requests_total{key=\"ci\"}") == "1");
}

TEST_CASE_METHOD(Fixture, "tokens that we counted ourselves stay out of the provider's", "[metrics]") {
    auto outcome = sample::stream();
    outcome.usage.source = outcome.attempts.front().usage.source = UsageSource::estimated;
    metrics.shard(0).record(outcome);
    CHECK(value("sluice_usage_estimated_total{model=\"smart\"}") == "120");
    CHECK(family_text(metrics.expose(), "gen_ai_client_token_usage").empty());
    CHECK(value("sluice_key_tokens_total{key=\"ci\",type=\"input\"}") == "100");
}

TEST_CASE_METHOD(Fixture, "a client that left and a stream that broke are counted by how far they had come",
                 "[metrics]") {
    auto outcome = sample::stream();
    outcome.client_left = true;
    metrics.shard(0).record(outcome);
    outcome.first_token.reset();
    metrics.shard(0).record(outcome);
    outcome.attempts.clear();
    metrics.shard(0).record(outcome);
    auto broken = sample::stream();
    broken.error = Error{.kind = ErrorKind::stream_interrupted};
    metrics.shard(0).record(broken);
    auto const page = metrics.expose();
    CHECK(family_text(page, "sluice_client_disconnects_total") ==
          "sluice_client_disconnects_total{stage=\"request\"} 1\n"
          "sluice_client_disconnects_total{stage=\"attempt\"} 1\n"
          "sluice_client_disconnects_total{stage=\"stream\"} 1\n");
    CHECK(family_text(page, "sluice_stream_truncated_total") == "sluice_stream_truncated_total{stage=\"stream\"} 1\n");
}

TEST_CASE_METHOD(Fixture, "an SDK's retries are counted by a name from the list", "[metrics]") {
    auto outcome = sample::stream();
    outcome.client.retry_count = 2;
    metrics.shard(0).record(outcome);
    outcome.client.sdk = "made-up\"by a client";
    metrics.shard(0).record(outcome);
    CHECK(family_text(metrics.expose(), "sluice_client_retries_total") ==
          "sluice_client_retries_total{sdk=\"other\"} 1\n"
          "sluice_client_retries_total{sdk=\"python\"} 1\n");
}

TEST_CASE_METHOD(Fixture, "gauges follow what opens and closes", "[metrics]") {
    metrics.shard(0).connection_opened(Side::client);
    metrics.shard(1).connection_opened(Side::client);
    metrics.shard(1).connection_opened(Side::upstream);
    metrics.shard(1).connection_closed(Side::upstream);
    metrics.shard(0).request_started();
    metrics.shard(0).request_started();
    metrics.shard(0).request_finished();
    metrics.shard(1).stream_opened();
    CHECK(value("sluice_connections{side=\"client\"}") == "2");
    CHECK(value("sluice_connections{side=\"upstream\"}") == "0");
    CHECK(value("sluice_in_flight_requests") == "1");
    CHECK(value("sluice_open_streams") == "1");
    metrics.shard(1).stream_closed();
    CHECK(value("sluice_open_streams") == "0");
}

TEST_CASE_METHOD(Fixture, "a breaker that workers see differently shows its worst state", "[metrics]") {
    metrics.set_breaker_source([] {
        return std::vector<observe::BreakerState>{{.provider = "acme", .target = "m", .phase = BreakerPhase::half_open},
                                                  {.provider = "acme", .target = "m", .phase = BreakerPhase::open},
                                                  {.provider = "acme", .target = "m", .phase = BreakerPhase::closed}};
    });
    CHECK(family_text(metrics.expose(), "sluice_breaker_state") ==
          "sluice_breaker_state{provider=\"acme\",target=\"m\"} 2\n");
}

TEST_CASE_METHOD(Fixture, "what providers say is left is a gauge", "[metrics]") {
    metrics.set_rate_source([] {
        return std::vector<RateRemaining>{{.provider = "acme", .kind = "requests", .count = 59},
                                          {.provider = "acme", .kind = "tokens", .count = 0}};
    });
    CHECK(family_text(metrics.expose(), "sluice_provider_rate_remaining") ==
          "sluice_provider_rate_remaining{provider=\"acme\",kind=\"requests\"} 59\n"
          "sluice_provider_rate_remaining{provider=\"acme\",kind=\"tokens\"} 0\n");
}

TEST_CASE_METHOD(Fixture, "a failed reload keeps the hash and the time of the last good one", "[metrics]") {
    auto const time = std::chrono::system_clock::time_point(seconds(1'000));
    metrics.config_reloaded(Metrics::Reload::succeeded, "aaaa", time);
    metrics.config_reloaded(Metrics::Reload::failed, "bbbb", time + seconds(60));
    CHECK(value("sluice_config_last_reload_successful") == "0");
    CHECK(value("sluice_config_last_reload_timestamp_seconds") == "1000");
    CHECK(value("sluice_config_hash{hash=\"aaaa\"}") == "1");
}

TEST_CASE_METHOD(Fixture, "lines that the access log lost are on the page", "[metrics]") {
    CHECK(value("sluice_log_dropped_total") == "0");
    metrics.set_log_dropped_source([] { return std::uint64_t{7}; });
    CHECK(value("sluice_log_dropped_total") == "7");
}

TEST_CASE_METHOD(Fixture, "label values are escaped", "[metrics]") {
    auto outcome = sample::stream();
    outcome.model = "a\"b\\c\nd";
    metrics.shard(0).record(outcome);
    CHECK(value("sluice_requests_total{route=\"/v1/chat/completions\",model=\"a\\\"b\\\\c\\nd\",code=\"200\"}") == "1");
}

TEST_CASE_METHOD(Fixture, "the page says what the process uses", "[metrics]") {
    CHECK(std::stod(value("process_resident_memory_bytes")) > 1e6);
    CHECK(std::stod(value("process_virtual_memory_bytes")) >= std::stod(value("process_resident_memory_bytes")));
    CHECK(std::stod(value("process_open_fds")) >= 3);
    CHECK(std::stod(value("process_max_fds")) >= std::stod(value("process_open_fds")));
    CHECK(std::stod(value("process_cpu_seconds_total")) >= 0);
    CHECK(std::stod(value("process_start_time_seconds")) > 1.6e9);
    CHECK(value("sluice_build_info{version=\"0.1.0\",commit=\"abcdef1\"}") == "1");
}
