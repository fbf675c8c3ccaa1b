#include "server/cli/usage/usage_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "server/cli/migrate/amounts.hpp"

namespace sluice::cli {
namespace {

using store::UsageRow;

std::string signed_dollars(NanoUsd amount, std::string (*text)(NanoUsd)) {
    return amount.count < 0 ? "-" + text(NanoUsd{-amount.count}) : text(amount);
}

void add(UsageRow& sum, UsageRow const& row) {
    sum.calls += row.calls;
    sum.failed += row.failed;
    sum.usage.input += row.usage.input;
    sum.usage.cached_input += row.usage.cached_input;
    sum.usage.output += row.usage.output;
    sum.usage.reasoning += row.usage.reasoning;
    sum.cost.count += row.cost.count;
    sum.open += row.open;
    sum.reserved.count += row.reserved.count;
}

constexpr std::size_t columns = 9;
using Cells = std::array<std::string, columns>;

std::string name_of(UsageRow const& row, KeyNames const& names) {
    auto const found = names.find(row.name);
    return found == names.end() ? std::string() : found->second;
}

/// "ci (k_8fjR02kd9sLq)"; of a key in a file both are the same.
std::string title_of(UsageRow const& row, KeyNames const& names) {
    auto const name = name_of(row, names);
    if (row.name.empty()) return "-";
    return name.empty() || name == row.name ? row.name : name + " (" + row.name + ")";
}

Cells cells_of(UsageRow const& row, KeyNames const& names) {
    return {title_of(row, names),
            std::to_string(row.calls),
            std::to_string(row.failed),
            std::to_string(row.usage.input),
            std::to_string(row.usage.cached_input),
            std::to_string(row.usage.output),
            signed_dollars(row.cost, rounded_dollars),
            std::to_string(row.open),
            signed_dollars(row.reserved, rounded_dollars)};
}

std::string csv_text(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
    std::string quoted = "\"";
    for (char const c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
}

}  // namespace

std::string usage_table(std::string_view heading, std::span<UsageRow const> rows, KeyNames const& names) {
    std::vector<Cells> lines{
        {std::string(heading), "calls", "failed", "input", "cached", "output", "cost USD", "open", "reserved USD"}};
    UsageRow sum{.name = "together"};
    for (auto const& row : rows) {
        lines.push_back(cells_of(row, names));
        add(sum, row);
    }
    // A call has several tags, or none.
    if (rows.size() > 1 && heading != "tag") lines.push_back(cells_of(sum, {}));
    std::array<std::size_t, columns> widths{};
    for (auto const& line : lines) {
        for (std::size_t i = 0; i < columns; ++i) widths[i] = std::max(widths[i], line[i].size());
    }
    std::string out;
    for (auto const& line : lines) {
        out += fmt::format("{:<{}}", line[0], widths[0]);
        for (std::size_t i = 1; i < columns; ++i) out += fmt::format("  {:>{}}", line[i], widths[i]);
        out += '\n';
    }
    return out;
}

std::string usage_csv(std::string_view heading, std::span<UsageRow const> rows, KeyNames const& names) {
    bool const is_by_key = heading == "key";
    std::string out = fmt::format(
        "{},calls,failed,estimated,input,cached_input,cache_write,output,reasoning,cost_usd,sheet_cost_usd,open,"
        "reserved_usd{}\r\n",
        heading, is_by_key ? ",key_name" : "");
    for (auto const& row : rows) {
        auto const& usage = row.usage;
        out += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{}", csv_text(row.name), row.calls, row.failed,
                           row.estimated, usage.input, usage.cached_input, usage.cache_write, usage.output,
                           usage.reasoning, signed_dollars(row.cost, dollars), signed_dollars(row.sheet_cost, dollars),
                           row.open, signed_dollars(row.reserved, dollars));
        if (is_by_key) out += "," + csv_text(name_of(row, names));
        out += "\r\n";
    }
    return out;
}

std::string usage_json(std::string_view heading, std::span<UsageRow const> rows, KeyNames const& names) {
    nlohmann::ordered_json out{{"by", heading}, {"rows", nlohmann::ordered_json::array()}};
    for (auto const& row : rows) {
        auto const& usage = row.usage;
        nlohmann::ordered_json json{{"name", row.name}};
        if (auto const name = name_of(row, names); !name.empty()) json["key"] = name;
        json["calls"] = row.calls;
        json["failed"] = row.failed;
        json["estimated"] = row.estimated;
        json["input"] = usage.input;
        json["cached_input"] = usage.cached_input;
        json["cache_write"] = usage.cache_write;
        json["output"] = usage.output;
        json["reasoning"] = usage.reasoning;
        json["audio_input"] = usage.audio_input;
        json["audio_output"] = usage.audio_output;
        json["cost_usd"] = signed_dollars(row.cost, dollars);
        json["cost_nano_usd"] = row.cost.count;
        json["sheet_cost_nano_usd"] = row.sheet_cost.count;
        json["open"] = row.open;
        json["reserved_nano_usd"] = row.reserved.count;
        out["rows"].push_back(std::move(json));
    }
    return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::cli
