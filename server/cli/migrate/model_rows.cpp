#include "server/cli/migrate/model_rows.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "config/text.hpp"
#include "server/cli/migrate/amounts.hpp"

namespace sluice::cli {
namespace {

using Json = nlohmann::ordered_json;
using Capability = std::optional<bool> config::ModelFacts::*;
constexpr std::array<std::pair<char const*, Capability>, 8> capabilities{{
    {"tools", &config::ModelFacts::tools},
    {"streaming_tools", &config::ModelFacts::stream_tools},
    {"parallel_tools", &config::ModelFacts::parallel_tools},
    {"tool_choice_required", &config::ModelFacts::tool_choice_required},
    {"vision", &config::ModelFacts::vision},
    {"json_object", &config::ModelFacts::json_object},
    {"json_schema", &config::ModelFacts::json_schema},
    {"reasoning", &config::ModelFacts::reasoning},
}};

bool fits(ModelRow const& row, ModelFilter const& filter) {
    if (!filter.provider.empty() && row.provider != filter.provider) return false;
    if (filter.glob.empty()) return true;
    std::vector<std::string> const pattern{filter.glob};
    auto const matches = [&pattern](std::string const& text) { return !text.empty() && matches_model(pattern, text); };
    return matches(row.id) || matches(row.provider + "/" + row.id) || matches(row.name) ||
           (row.known.canonical != nullptr && matches(row.known.canonical->name));
}

std::string capabilities_text(config::ModelFacts const& facts) {
    std::string out;
    for (auto const& [name, member] : capabilities) {
        if (facts.*member) out += (out.empty() ? "" : ", ") + std::string(*(facts.*member) ? "" : "no ") + name;
    }
    return out.empty() ? "-" : out;
}

std::string or_dash(std::string text) { return text.empty() ? "-" : std::move(text); }

std::vector<std::string> cells_of(ModelRow const& row) {
    auto const* const listed = row.known.row;
    return {row.name,
            row.provider,
            row.id,
            row.known.canonical != nullptr ? row.known.canonical->name : "-",
            known_count(row.known.facts.context),
            known_count(row.known.facts.max_output),
            row.prices ? price_text(*row.prices) : "-",
            row.is_own_price ? "-" : or_dash(listed != nullptr ? listed->date : ""),
            row.is_own_price ? "configuration" : or_dash(listed != nullptr ? listed->source : ""),
            capabilities_text(row.known.facts)};
}

template <class Prices>
Json prices_json(Prices const& prices) {
    Json json{{"input", dollars(prices.input.value)}, {"output", dollars(prices.output.value)}};
    if (prices.cached_input) json["cached_input"] = dollars(prices.cached_input->value);
    if (prices.cache_write) json["cache_write"] = dollars(prices.cache_write->value);
    if (prices.reasoning) json["reasoning"] = dollars(prices.reasoning->value);
    return json;
}

Json json_of(ModelRow const& row) {
    Json json = Json::object();
    if (!row.name.empty()) json["name"] = row.name;
    json["provider"] = row.provider;
    json["id"] = row.id;
    if (row.known.canonical != nullptr) json["canonical"] = row.known.canonical->name;
    if (row.known.facts.context > 0) json["context"] = row.known.facts.context;
    if (row.known.facts.max_output > 0) json["max_output"] = row.known.facts.max_output;
    Json can = Json::object();
    for (auto const& [name, member] : capabilities) {
        if (row.known.facts.*member) can[name] = *(row.known.facts.*member);
    }
    json["capabilities"] = can;
    if (!row.prices) return json;
    Json prices = prices_json(*row.prices);
    for (PriceTier const& tier : row.prices->tiers) {
        Json each{{"above", tier.above}};
        each.update(prices_json(tier));
        prices["tiers"].push_back(each);
    }
    prices["source"] = row.is_own_price || row.known.row == nullptr ? "configuration" : row.known.row->source;
    if (!row.is_own_price && row.known.row != nullptr) prices["date"] = row.known.row->date;
    json["usd_per_million_tokens"] = prices;
    return json;
}

/// Of one model: its targets, each filled with what the star stands for.
void add_rows(std::string const& name, std::string_view star, ModelSettings const& model, Settings const& settings,
              ModelFilter const& filter, std::vector<ModelRow>& rows) {
    for (TargetSettings const& target : model.targets) {
        auto const provider = settings.providers.find(target.provider);
        if (provider == settings.providers.end()) continue;
        ModelRow row{.name = name, .provider = target.provider, .id = config::fill_star(target.model, star)};
        row.known = config::known_model(provider->second.type, row.id);
        if (auto const price = settings.prices.find(row.provider + "/" + row.id); price != settings.prices.end()) {
            row.prices = price->second;
            row.is_own_price = row.known.row == nullptr || row.known.row->prices != row.prices;
        }
        if (fits(row, filter)) rows.push_back(std::move(row));
    }
}

}  // namespace

std::vector<ModelRow> catalogue_rows(ModelFilter const& filter) {
    std::vector<ModelRow> rows;
    std::vector<std::string> providers;
    for (config::Profile const& profile : config::profiles()) providers.push_back(profile.name);
    std::ranges::sort(providers);
    for (std::string const& provider : providers) {
        for (std::string& id : config::known_ids(provider)) {
            ModelRow row{.provider = provider, .id = std::move(id)};
            row.known = config::known_model(provider, row.id);
            if (row.known.row != nullptr) row.prices = row.known.row->prices;
            if (fits(row, filter)) rows.push_back(std::move(row));
        }
    }
    return rows;
}

std::vector<ModelRow> served_rows(Settings const& settings, ModelFilter const& filter) {
    std::vector<ModelRow> rows;
    for (ModelSettings const& model : settings.models) {
        if (!model.name.contains('*')) {
            add_rows(model.name, {}, model, settings, filter, rows);
            continue;
        }
        if (model.listed.empty()) add_rows(model.name, "*", model, settings, filter, rows);
        for (std::string const& name : model.listed)
            add_rows(name, config::match_star(model.name, name).star, model, settings, filter, rows);
    }
    return rows;
}

std::string to_table(std::vector<ModelRow> const& rows) {
    std::vector<std::vector<std::string>> lines{{"MODEL", "PROVIDER", "ID", "CANONICAL", "CONTEXT", "OUTPUT",
                                                 "USD PER MILLION IN / OUT", "DATE", "SOURCE", "CAPABILITIES"}};
    for (ModelRow const& row : rows) lines.push_back(cells_of(row));
    bool const has_names = std::ranges::any_of(rows, [](ModelRow const& row) { return !row.name.empty(); });
    std::vector<std::size_t> widths(lines.front().size());
    for (auto const& line : lines) {
        for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
    }
    std::string out;
    for (auto const& line : lines) {
        for (std::size_t i = has_names ? 0 : 1; i < line.size(); ++i) {
            out += line[i];
            if (i + 1 < line.size()) out.append(widths[i] - line[i].size() + 2, ' ');
        }
        out += '\n';
    }
    return out;
}

std::string to_json(std::vector<ModelRow> const& rows) {
    Json list = Json::array();
    for (ModelRow const& row : rows) list.push_back(json_of(row));
    return list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::cli
