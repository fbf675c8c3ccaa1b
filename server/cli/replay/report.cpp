#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "server/cli/replay/replay.hpp"

namespace sluice::cli {
namespace {

using Json = nlohmann::ordered_json;
using Move = std::pair<std::pair<std::string, std::string>, std::uint64_t>;

constexpr std::size_t most_rows = 20;  // for people

std::vector<Move> sorted_moves(Replay const& replay) {
    std::vector<Move> rows(replay.moves.begin(), replay.moves.end());
    std::ranges::sort(rows, [](Move const& a, Move const& b) {
        return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    return rows;
}

double mean(std::int64_t sum, Delta const& delta) {
    return delta.known == 0 ? 0.0 : static_cast<double>(sum) / static_cast<double>(delta.known);
}

double share(std::uint64_t part, std::uint64_t all) {
    return all == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(all);
}

/// Per cent from `before` to `after`.
std::string change(Delta const& delta) {
    if (delta.before == 0) return delta.after == 0 ? "+0 %" : "new";
    auto const more = static_cast<double>(delta.after - delta.before);
    return fmt::format("{:+.1f} %", 100.0 * more / static_cast<double>(delta.before));
}

std::string dollars(std::int64_t nano) { return fmt::format("${:.6f}", static_cast<double>(nano) / 1e9); }

Json delta_json(Delta const& delta, double unit) {
    return {{"known", delta.known},
            {"before", static_cast<double>(delta.before) / unit},
            {"after", static_cast<double>(delta.after) / unit}};
}

}  // namespace

std::string to_text(Replay const& replay) {
    std::string out;
    auto const add = [&out]<class... Values>(fmt::format_string<Values...> format, Values&&... values) {
        fmt::format_to(std::back_inserter(out), format, std::forward<Values>(values)...);
    };
    add("lines       {} ({} without a decision, {} unreadable)\n", replay.lines, replay.without, replay.bad);
    add("decisions   {}\n", replay.decisions);
    if (replay.verified + replay.differing > 0) {
        add("verified    {} of {} with this very configuration give the same plan\n", replay.verified,
            replay.verified + replay.differing);
        if (replay.differing > 0) add("            first that does not: request {}\n", replay.first_difference);
    }
    add("changed     {} first choices ({:.1f} %)\n", replay.changed, share(replay.changed, replay.decisions));
    add("no target   {} (before: {}", replay.no_target, replay.found_none_before);
    if (replay.no_model > 0) add("; {} because the model is gone", replay.no_model);
    out += ")\n";
    auto const& cost = replay.cost;
    add("cost        {} -> {} ({}; known for {})\n", dollars(cost.before), dollars(cost.after), change(cost),
        cost.known);
    auto const& latency = replay.latency;
    add("latency     {:.0f} ms -> {:.0f} ms ({}; known for {})\n", mean(latency.before, latency) / 1e3,
        mean(latency.after, latency) / 1e3, change(latency), latency.known);
    auto const& failures = replay.failures;
    add("failures    {:.2f} % -> {:.2f} % of first attempts, as measured (known for {})\n",
        mean(failures.before, failures) / 1e4, mean(failures.after, failures) / 1e4, failures.known);
    if (replay.failed_first > 0) {
        add("            {} first attempts failed; {} of them would begin elsewhere\n", replay.failed_first,
            replay.failed_first_moved);
    }
    auto const rows = sorted_moves(replay);
    if (rows.empty()) return out;
    add("\n{:>10}  {:<36} to\n", "requests", "from");
    for (std::size_t i = 0; i < std::min(rows.size(), most_rows); ++i) {
        auto const& [move, count] = rows[i];
        add("{:>10}  {:<36} {}\n", count, move.first, move.second);
    }
    if (rows.size() > most_rows) add("            and {} more; --json has them all\n", rows.size() - most_rows);
    return out;
}

std::string to_json(Replay const& replay) {
    Json moves = Json::array();
    for (auto const& [move, count] : sorted_moves(replay)) {
        moves.push_back({{"from", move.first}, {"to", move.second}, {"requests", count}});
    }
    Json json{{"lines", replay.lines},
              {"without_decision", replay.without},
              {"unreadable", replay.bad},
              {"decisions", replay.decisions},
              {"verified", replay.verified},
              {"differing", replay.differing},
              {"changed", replay.changed},
              {"no_target", replay.no_target},
              {"no_target_before", replay.found_none_before},
              {"no_model", replay.no_model},
              {"first_attempts_failed", replay.failed_first},
              {"first_attempts_failed_moved", replay.failed_first_moved},
              {"expected_cost_usd", delta_json(replay.cost, 1e9)},
              {"latency_ms_sum", delta_json(replay.latency, 1e3)},
              {"failures_expected", delta_json(replay.failures, 1e6)},
              {"moves", moves}};
    if (!replay.first_difference.empty()) json["first_difference"] = replay.first_difference;
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::cli
