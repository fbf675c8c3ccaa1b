#include "server/observe/families.hpp"

namespace sluice::observe {
namespace {

constexpr double each = 1;
constexpr double nano = 1e9;

constexpr std::int64_t us = 1'000;
constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t s = 1'000'000'000;

// OpenTelemetry's GenAI conventions (1.41) give the edges; reasoning models need more at the top, which breaks no
// query.
constexpr std::array<std::int64_t, 14> token_edges{1,     4,     16,     64,      256,     1024,     4096,
                                                   16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864};
constexpr std::array<std::int64_t, 17> duration_edges{
    10 * ms,   20 * ms,    40 * ms,    80 * ms,    160 * ms,   320 * ms,    640 * ms,    1280 * ms,  2560 * ms,
    5120 * ms, 10240 * ms, 20480 * ms, 40960 * ms, 81920 * ms, 163840 * ms, 327680 * ms, 655360 * ms};
constexpr std::array<std::int64_t, 22> first_token_edges{
    1 * ms, 5 * ms,    10 * ms, 20 * ms,   40 * ms, 60 * ms, 80 * ms, 100 * ms, 250 * ms, 500 * ms, 750 * ms,
    1 * s,  2500 * ms, 5 * s,   7500 * ms, 10 * s,  15 * s,  20 * s,  30 * s,   45 * s,   60 * s,   120 * s};
constexpr std::array<std::int64_t, 13> per_token_edges{10 * ms,  25 * ms,  50 * ms,  75 * ms,  100 * ms,
                                                       150 * ms, 200 * ms, 300 * ms, 400 * ms, 500 * ms,
                                                       750 * ms, 1 * s,    2500 * ms};
constexpr std::array<std::int64_t, 11> overhead_edges{50 * us, 100 * us, 250 * us, 500 * us, 1 * ms,  2500 * us,
                                                      5 * ms,  10 * ms,  25 * ms,  50 * ms,  100 * ms};

constexpr std::string_view op = "gen_ai_operation_name";
constexpr std::string_view model = "gen_ai_request_model";
constexpr std::string_view provider = "sluice_provider";  // page.cpp adds gen_ai_provider_name beside it

using enum FamilyId;
using enum FamilyKind;

constexpr std::array rows{
    Family{token_usage,
           "gen_ai_client_token_usage",
           "Tokens per attempt, as the provider counted them.",
           histogram,
           each,
           token_edges,
           {op, provider, model, "gen_ai_token_type"}},
    Family{client_duration,
           "gen_ai_client_operation_duration_seconds",
           "Duration of one attempt at an upstream.",
           histogram,
           nano,
           duration_edges,
           {op, provider, model, "error_type"}},
    Family{client_first_chunk,
           "gen_ai_client_operation_time_to_first_chunk_seconds",
           "From sending one attempt to its first content delta.",
           histogram,
           nano,
           duration_edges,
           {op, provider, model}},
    Family{server_duration,
           "gen_ai_server_request_duration_seconds",
           "Duration of a request as the client saw it.",
           histogram,
           nano,
           duration_edges,
           {op, provider, model, "error_type"}},
    Family{server_first_token,
           "gen_ai_server_time_to_first_token_seconds",
           "From the request to the first content delta as the client saw it.",
           histogram,
           nano,
           first_token_edges,
           {op, provider, model}},
    Family{server_per_token,
           "gen_ai_server_time_per_output_token_seconds",
           "Time per output token after the first, as the client saw it.",
           histogram,
           nano,
           per_token_edges,
           {op, provider, model}},
    Family{overhead,
           "sluice_overhead_seconds",
           "Duration of a request minus the time spent waiting for upstreams.",
           histogram,
           nano,
           overhead_edges,
           {"route"}},
    Family{requests, "sluice_requests_total", "Finished requests.", counter, each, {}, {"route", "model", "code"}},
    Family{attempts,
           "sluice_upstream_attempts_total",
           "Attempts at upstreams by how they ended.",
           counter,
           each,
           {},
           {"provider", "outcome"}},
    Family{retries,
           "sluice_retries_total",
           "Repeated attempts at the same target, by how the one before ended.",
           counter,
           each,
           {},
           {"model", "reason"}},
    Family{fallbacks,
           "sluice_fallbacks_total",
           "Attempts at a further target, by how the one before ended.",
           counter,
           each,
           {},
           {"model", "reason"}},
    Family{cost,
           "sluice_cost_usd_total",
           "Cost of requests in US dollars, where the price is known.",
           counter,
           nano,
           {},
           {"provider", "model"}},
    Family{key_requests, "sluice_key_requests_total", "Finished requests by key.", counter, each, {}, {"key"}},
    Family{key_tokens,
           "sluice_key_tokens_total",
           "Tokens by key, counted ones included.",
           counter,
           each,
           {},
           {"key", "type"}},
    Family{key_cost, "sluice_key_cost_usd_total", "Cost in US dollars by key.", counter, nano, {}, {"key"}},
    Family{disconnects,
           "sluice_client_disconnects_total",
           "Requests whose client left before their end.",
           counter,
           each,
           {},
           {"stage"}},
    Family{truncated,
           "sluice_stream_truncated_total",
           "Started streams that ended with an error event.",
           counter,
           each,
           {},
           {"stage"}},
    Family{client_retries,
           "sluice_client_retries_total",
           "Requests that an SDK said are a retry.",
           counter,
           each,
           {},
           {"sdk"}},
    Family{usage_estimated,
           "sluice_usage_estimated_total",
           "Tokens counted here because the provider reported none.",
           counter,
           each,
           {},
           {"model"}},
    Family{FamilyId::adjustments,
           "sluice_parameter_adjustments_total",
           "Request fields that were changed for a provider, by how.",
           counter,
           each,
           {},
           {"provider", "field", "change"}},
    Family{continuations,
           "sluice_continuations_total",
           "Attempts to go on with a stream that broke off at another target, by how they ended.",
           counter,
           each,
           {},
           {"provider", "outcome"}},
    Family{hedges,
           "sluice_hedges_total",
           "Second attempts beside one whose first token was late, by how they ended: ok is the one that was faster.",
           counter,
           each,
           {},
           {"provider", "outcome"}},
    Family{mirrors,
           "sluice_mirrors_total",
           "Requests whose copy a shadow target should get, by how the copy ended, or why there was none.",
           counter,
           each,
           {},
           {"model", "outcome"}},
};

constexpr bool in_order() {
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (static_cast<std::size_t>(rows[i].id) != i + 1) return false;
    }
    return rows.size() + 1 == static_cast<std::size_t>(count_);
}
static_assert(in_order(), "one row per FamilyId, in the order of the enum");

}  // namespace

Family const& family(FamilyId id) { return rows[static_cast<std::size_t>(id) - 1]; }

std::span<Family const> all_families() { return rows; }

}  // namespace sluice::observe
