#pragma once

#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "core/types/secret.hpp"
#include "server/store/charges.hpp"
#include "server/store/ledger_store.hpp"

/// Calls for tests that share one database: each has a process and a key of its own.
namespace sluice::store::sample {

inline Secret database() { return Secret(std::getenv("SLUICE_TEST_POSTGRES")); }

inline std::int64_t epoch() {
    static std::mt19937_64 random{std::random_device{}()};
    return static_cast<std::int64_t>(random() >> 1U) | 1;
}

inline WallTime const now{std::chrono::milliseconds(1'790'000'123'456)};

struct Call {
    CallId id{};
    ReservedCall reservation{};
};

inline Call call() {
    auto const epoch = sample::epoch();
    auto const own = std::to_string(epoch);
    return {.id = {.epoch = epoch, .number = 1},
            .reservation = {.at = now,
                            .request_id = "r-" + own,
                            .attempt = 1,
                            .key = "k_" + own,
                            .team = "team " + own,
                            .tags = {{"env", own}, {"line", "a\nb " + own}},
                            .user = "it's \"" + own + "\" \\ \xF0\x9F\x8C\x8A {1,2}",
                            .model = "m" + own,
                            .provider = "p" + own,
                            .target_model = "t",
                            .credential = "c",
                            .amount = NanoUsd{500}}};
}

inline std::vector<Payer> payers(ReservedCall const& call) {
    auto const tags = tag_lines(call.tags);
    return payers_of({.key = call.key,
                      .team = call.team,
                      .tag_lines = tags,
                      .user = call.user,
                      .model = call.model,
                      .provider = call.provider,
                      .target_model = call.target_model});
}

inline LedgerSettlement settlement(NanoUsd cost) {
    return {.at = now,
            .cost = cost,
            .sheet_cost = cost,
            .usage = {.input = 100, .output = 50, .source = UsageSource::provider},
            .result = AttemptResult::ok,
            .upstream_status = 200};
}

}  // namespace sluice::store::sample
