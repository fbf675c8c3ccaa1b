#include "server/cli/usage_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "server/cli/exit_code.hpp"
#include "server/cli/usage/moment.hpp"
#include "server/cli/usage/usage_report.hpp"
#include "server/store/usage_by.hpp"

namespace sluice::cli {
namespace {

int refuse(std::string const& message) {
    fmt::print(stderr, "sluice usage: {}\n", message);
    return exit_usage;
}

}  // namespace

int run_usage(UsageOptions const& options) {
    auto const by = store::read_usage_word(options.by);
    if (!by) return refuse("--by takes key, team, model, provider, target, tag, user or day");
    WallTime const now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    auto const since = read_moment(options.since, now);
    auto const until = options.until.empty() ? std::optional(WallTime{}) : read_moment(options.until, now);
    if (!since || !until) return refuse("a time is 7d, 12h, 2026-07-01 or 2026-07-01T12:00:00Z");
    auto const opened = open_store(options.address, "usage");
    if (!opened.store) return opened.exit_code;
    store::UsageQuery const query{.by = *by, .since = *since, .until = *until, .only = options.only};
    auto rows = opened.store->usage(query);
    if (!rows) {
        fmt::print(stderr, "sluice usage: {}\n", rows.error().detail.str());
        return exit_failed;
    }
    // What cost most comes first, days in their order.
    if (query.by != store::UsageQuery::By::day) {
        std::ranges::sort(*rows, [](store::UsageRow const& a, store::UsageRow const& b) {
            return a.cost != b.cost ? a.cost > b.cost : a.name < b.name;
        });
    }
    switch (options.format) {
        case UsageFormat::table:
            fmt::print("{}", usage_table(options.by, *rows));
            break;
        case UsageFormat::csv:
            fmt::print("{}", usage_csv(options.by, *rows));
            break;
        case UsageFormat::json:
            fmt::print("{}", usage_json(options.by, *rows));
            break;
    }
    return exit_ok;
}

}  // namespace sluice::cli
