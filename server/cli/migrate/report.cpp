#include "server/cli/migrate/report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "server/cli/migrate/amounts.hpp"

namespace sluice::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string_view mark(Level level) {
    constexpr std::string_view marks[] = {"  ", "  ", "? ", "~ ", "! "};
    return marks[static_cast<std::size_t>(level)];
}

std::string line_of(Finding const& finding) {
    auto line = fmt::format("  {}{}", mark(finding.level), finding.text);
    if (!finding.severity.empty() && finding.severity != "refused") line += " [" + finding.severity + "]";
    line += '\n';
    if (!finding.why.empty()) line += "      " + finding.why;
    if (!finding.why.empty() && !finding.source.empty()) line += " (" + finding.source + ")";
    return finding.why.empty() ? line : line + '\n';
}

std::string summary_of(Traffic const& traffic) {
    auto out = fmt::format(
        "\ntraffic: {} lines: {} requests ({} unchanged, {} changed, {} refused), {} with usage only, {} bad\n",
        traffic.lines, traffic.requests, traffic.unchanged, traffic.changed, traffic.refused, traffic.usage_only,
        traffic.bad);
    if (traffic.refused_before > 0)
        out += fmt::format("  {} would be refused where they are now, too\n", traffic.refused_before);
    for (BadLine const& line : traffic.bad_lines) out += fmt::format("  line {}: {}\n", line.number, line.message);
    if (traffic.bad > traffic.bad_lines.size())
        out += fmt::format("  ... and {} more\n", traffic.bad - traffic.bad_lines.size());
    return out;
}

Json json_of(Side const& side) {
    Json json{{"provider", side.profile->name}, {"model", side.model}};
    if (side.known.canonical != nullptr) json["canonical"] = side.known.canonical->name;
    return json;
}

Json json_of(Finding const& finding) {
    Json json{{"topic", to_string(finding.topic)}, {"level", to_string(finding.level)}, {"text", finding.text}};
    if (!finding.field.empty()) json["field"] = finding.field;
    if (!finding.severity.empty()) json["severity"] = finding.severity;
    if (!finding.why.empty()) json["why"] = finding.why;
    if (!finding.source.empty()) json["source"] = finding.source;
    return json;
}

Json json_of(Traffic const& traffic, Comparison const& sides) {
    Json json{{"lines", traffic.lines},           {"requests", traffic.requests},
              {"usage_only", traffic.usage_only}, {"bad", traffic.bad},
              {"unchanged", traffic.unchanged},   {"changed", traffic.changed},
              {"refused", traffic.refused},       {"refused_before", traffic.refused_before}};
    json["bad_lines"] = Json::array();
    for (BadLine const& line : traffic.bad_lines)
        json["bad_lines"].push_back({{"line", line.number}, {"message", line.message}});
    json["fields"] = Json::array();
    for (auto const& [key, row] : traffic.fields) {
        json["fields"].push_back({{"field", key.substr(0, key.find(' '))},
                                  {"change", row.change},
                                  {"severity", row.severity},
                                  {"requests", row.requests},
                                  {"why", row.why}});
    }
    json["uses"] = {{"tools", traffic.with_tools},
                    {"streaming_tools", traffic.streaming_tools},
                    {"tool_choice_required", traffic.requires_tool},
                    {"images", traffic.with_images},
                    {"json_schema", traffic.with_json_schema}};
    json["beyond"] = {{"context", traffic.over_context}, {"max_output", traffic.over_output}};
    json["usage"] = {{"recorded", traffic.with_usage},
                     {"estimated", traffic.without_usage},
                     {"input_tokens", traffic.tokens.input},
                     {"output_tokens", traffic.tokens.output}};
    auto const cost = [](Side const& side, NanoUsd sum) {
        return side.known.row != nullptr && side.known.row->prices ? Json(dollars(sum)) : Json();
    };
    json["cost_usd"] = {{"from", cost(sides.from, traffic.cost_from)}, {"to", cost(sides.to, traffic.cost_to)}};
    return json;
}

}  // namespace

std::string_view verdict(Level worst) {
    if (worst == Level::unsafe) return "unsafe";
    return worst == Level::changes ? "changes something" : "safe";
}

std::string to_text(Comparison const& sides, std::vector<Finding> const& findings) {
    auto out = fmt::format("{} -> {}\n", sides.from.name(), sides.to.name());
    std::size_t number = 0;
    for (std::size_t t = 0; t <= static_cast<std::size_t>(Topic::answers); ++t) {
        auto const topic = static_cast<Topic>(t);
        out += fmt::format("\n{}. {}\n", ++number, to_string(topic));
        std::size_t exact = 0;
        std::size_t shown = 0;
        for (Finding const& each : findings) {
            if (each.topic != topic) continue;
            bool const loses_nothing = topic == Topic::parameters && each.level == Level::same;
            exact += loses_nothing ? 1 : 0;
            shown += loses_nothing ? 0 : 1;
            if (!loses_nothing) out += line_of(each);
        }
        if (exact > 0) out += fmt::format("    and {} rules that lose nothing\n", exact);
        if (shown + exact == 0) out += "    no difference is known\n";
    }
    if (sides.traffic != nullptr) out += summary_of(*sides.traffic);
    out += fmt::format("\n{}", verdict(worst(findings)));
    std::size_t unsafe = 0;
    std::size_t changes = 0;
    std::size_t warnings = 0;
    for (Finding const& each : findings) {
        unsafe += each.level == Level::unsafe ? 1 : 0;
        changes += each.level == Level::changes ? 1 : 0;
        warnings += each.level == Level::warning ? 1 : 0;
    }
    out += fmt::format(": ! {} refused or failing, ~ {} changed, ? {} to do before\n", unsafe, changes, warnings);
    if (sides.traffic == nullptr && unsafe + changes > 0)
        out += "Whatever could happen counts. --traffic FILE counts what your requests use.\n";
    return out;
}

std::string to_json(Comparison const& sides, std::vector<Finding> const& findings) {
    Json json{{"from", json_of(sides.from)}, {"to", json_of(sides.to)}, {"verdict", verdict(worst(findings))}};
    json["findings"] = Json::array();
    for (Finding const& each : findings) json["findings"].push_back(json_of(each));
    if (sides.traffic != nullptr) json["traffic"] = json_of(*sides.traffic, sides);
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::cli
