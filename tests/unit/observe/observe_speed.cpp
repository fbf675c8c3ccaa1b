// Prints what one request costs here: nanoseconds per record() and per access log line. Not a test.
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "sample_outcomes.hpp"
#include "server/observe/access_log.hpp"
#include "server/observe/log.hpp"
#include "server/observe/metrics.hpp"

namespace {

using namespace sluice;
using namespace sluice::observe;

/// The best of ten runs, in nanoseconds per call; the machine is shared.
template <class Call>
void measure(char const* what, Call call) {
    constexpr int calls = 200'000;
    double best = 1e9;
    for (int run = 0; run < 10; ++run) {
        auto const start = std::chrono::steady_clock::now();
        for (int i = 0; i < calls; ++i) call(i);
        std::chrono::duration<double, std::nano> const took = std::chrono::steady_clock::now() - start;
        best = std::min(best, took.count() / calls);
    }
    std::printf("%-60s %8.1f ns\n", what, best);
}

}  // namespace

int main() {
    auto const settings = sample::settings();
    Metrics metrics(settings, 1, {.version = "0", .commit = "0"});
    auto& shard = metrics.shard(0);
    auto const outcome = sample::stream();
    measure("record(): one stream, one model", [&shard, &outcome](int) { shard.record(outcome); });

    std::vector<Outcome> mixed(64, outcome);
    for (std::size_t i = 0; i < mixed.size(); ++i) {
        mixed[i].model = "company/model-with-a-long-name-" + std::to_string(i % 32);
        mixed[i].caller = "team-key-" + std::to_string(i);
    }
    measure("record(): 32 models, 64 keys",
            [&shard, &mixed](int i) { shard.record(mixed[static_cast<std::size_t>(i) % 64]); });

    Timestamp timestamp;
    LineBuffer line;
    auto const observed = observe_settings(settings);
    measure("access line: JSON, formatting", [&](int) {
        line.clear();
        append_access_line(line, outcome, observed, timestamp, LineStyle::json);
    });
    std::printf("%-60s %8zu bytes\n", "its length", line.view().size());
    auto hostile = outcome;
    hostile.client.user_agent = std::string(200, '"') + "\xff\n";
    measure("access line: JSON, a user agent that needs escaping", [&](int) {
        line.clear();
        append_access_line(line, hostile, observed, timestamp, LineStyle::json);
    });
    measure("access line: text, formatting", [&](int) {
        line.clear();
        append_access_line(line, outcome, observed, timestamp, LineStyle::text);
    });

    auto to_file = settings;
    to_file.telemetry.access_log = "/dev/null";
    Log log(settings.telemetry);
    AccessLog access_log(to_file, 1, log);
    auto& log_shard = access_log.shard(0);
    measure("access log: whole write, to /dev/null", [&log_shard, &outcome](int) { log_shard.write(outcome); });
    std::printf("%-60s %8llu of 2000000\n", "lines dropped meanwhile",
                static_cast<unsigned long long>(access_log.dropped()));
}
