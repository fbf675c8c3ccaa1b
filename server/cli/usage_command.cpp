#include "server/cli/usage_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "server/cli/exit_code.hpp"
#include "server/cli/usage/moment.hpp"
#include "server/cli/usage/usage_report.hpp"
#include "server/keys/key_json.hpp"
#include "server/store/usage_by.hpp"

namespace sluice::cli {
namespace {

int refuse(std::string const& message) {
    fmt::print(stderr, "sluice usage: {}\n", message);
    return exit_usage;
}

/// In the order of their making: of keys that were rotated into each other the last one's name counts.
Result<std::vector<store::StoredKey>> stored_keys(store::Store& store) {
    SLUICE_TRY(auto keys, store.keys());
    std::ranges::sort(keys, {}, &store::StoredKey::created);
    return keys;
}

KeyNames names_of(std::span<store::StoredKey const> keys, std::span<store::UsageRow const> rows) {
    KeyNames names;
    for (auto const& row : rows) {
        bool const may_be_stored = row.name.starts_with("k_");
        if (!may_be_stored) names[row.name] = row.name;
    }
    for (auto const& key : keys) names[keys::account_of(key)] = key.name;
    return names;
}

/// By its name, or by an id of a row of rotations.
std::string account_named(std::span<store::StoredKey const> keys, std::string const& id_or_name) {
    std::string account = id_or_name;
    for (auto const& key : keys)
        if (key.id == id_or_name || key.name == id_or_name) account = keys::account_of(key);
    return account;
}

int print(UsageOptions const& options, std::span<store::UsageRow const> rows, KeyNames const& names) {
    switch (options.format) {
        case UsageFormat::table:
            fmt::print("{}", usage_table(options.by, rows, names));
            break;
        case UsageFormat::csv:
            fmt::print("{}", usage_csv(options.by, rows, names));
            break;
        case UsageFormat::json:
            fmt::print("{}", usage_json(options.by, rows, names));
            break;
    }
    return exit_ok;
}

int fail(Error const& error) {
    fmt::print(stderr, "sluice usage: {}\n", error.detail.str());
    return exit_failed;
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
    auto const keys = stored_keys(*opened.store);
    if (!keys) return fail(keys.error());
    using By = store::UsageQuery::By;
    store::UsageQuery query{.by = *by, .since = *since, .until = *until, .only = options.only};
    if (auto const only = query.only.find(By::key); only != query.only.end())
        only->second = account_named(*keys, only->second);
    auto rows = opened.store->usage(query);
    if (!rows) return fail(rows.error());
    // What cost most comes first, days in their order.
    if (query.by != By::day) {
        std::ranges::sort(*rows, [](store::UsageRow const& a, store::UsageRow const& b) {
            return a.cost != b.cost ? a.cost > b.cost : a.name < b.name;
        });
    }
    return print(options, *rows, query.by == By::key ? names_of(*keys, *rows) : KeyNames());
}

}  // namespace sluice::cli
