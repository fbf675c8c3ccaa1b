#include "config/catalogue.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <tuple>

#include "config/profile_reader.hpp"
#include "config/schema.hpp"
#include "config/text.hpp"
#include "config/values.hpp"

namespace sluice::config {
namespace {

struct Catalogue {
    std::vector<CatalogueModel> models;
    std::vector<std::string> problems;
};

std::optional<PricePerMillion> price_at(nlohmann::json const& row, char const* key) {
    auto const found = row.find(key);
    if (found == row.end() || !found->is_string()) return std::nullopt;
    Field const price{.key = {}, .kind = Kind::price};
    auto const value = parse_value(price, found->get_ref<std::string const&>());
    if (!value) return std::nullopt;
    return PricePerMillion{NanoUsd{std::get<std::int64_t>(*value)}};
}

/// Fills `prices`, a PriceSheet or a PriceTier. False: it lacks the price of input or output.
template <class Prices>
bool read_prices(nlohmann::json const& row, Prices& prices) {
    auto const input = price_at(row, "input");
    auto const output = price_at(row, "output");
    prices.input = input.value_or(PricePerMillion{});
    prices.output = output.value_or(PricePerMillion{});
    prices.cached_input = price_at(row, "cached_input");
    prices.cache_write = price_at(row, "cache_write");
    prices.reasoning = price_at(row, "reasoning");
    return input && output;
}

std::optional<PriceSheet> sheet_of(nlohmann::json const& row) {
    PriceSheet sheet;
    bool complete = read_prices(row, sheet);
    for (nlohmann::json const& each : row.value("tiers", nlohmann::json::array())) {
        PriceTier tier{.above = each.value("above", std::int64_t{0})};
        complete = read_prices(each, tier) && tier.above > 0 && complete;
        sheet.tiers.push_back(tier);
    }
    return complete ? std::optional(std::move(sheet)) : std::nullopt;
}

void read_models(ShippedFile const& file, Catalogue& catalogue) {
    auto const rows = nlohmann::json::parse(file.text, nullptr, false);
    if (!rows.is_array()) {
        catalogue.problems.push_back(std::string(file.name) + ": not a JSON array");
        return;
    }
    for (nlohmann::json const& row : rows) {
        CatalogueModel model{.provider = row.value("provider", ""),
                             .model = row.value("model", ""),
                             .prices = {},
                             .context = row.value("context", std::uint64_t{0}),
                             .max_output = row.value("max_output", std::uint64_t{0}),
                             .answers_chat = row.value("kind", "chat") == "chat",
                             .source = row.value("source", ""),
                             .date = row.value("date", "")};
        model.prices = sheet_of(row);
        if (!model.prices) {
            catalogue.problems.push_back(std::string(file.name) + ": no price, or a tier without one, for " +
                                         model.provider + "/" + model.model);
        }
        if (row.value("source", "").empty())
            catalogue.problems.push_back(std::string(file.name) + ": no source for " + model.model);
        catalogue.models.push_back(std::move(model));
    }
}

bool is_provider(ShippedFile const& file) {
    return file.name != "prices.json" && file.name != "rules.yaml" && file.name != "models.yaml";
}

/// Empty where there is no such file.
ShippedFile shipped(std::string_view name) {
    auto const& files = shipped_files();
    auto const found = std::ranges::find(files, name, &ShippedFile::name);
    return found == files.end() ? ShippedFile{} : *found;
}

std::optional<Profile> load_profile(ShippedFile const& file, std::vector<Problem>& problems) {
    static RuleSets const none;
    bool const uses_sets = file.text.contains("use:");
    return read_profile(file, uses_sets ? rule_sets() : none, problems);
}

Catalogue load_models() {
    Catalogue made;
    read_models(shipped("prices.json"), made);
    return made;
}

Catalogue const& loaded_models() {
    static Catalogue const loaded = load_models();
    return loaded;
}

}  // namespace

std::vector<Profile> const& profiles() {
    static std::vector<Profile> const all = [] {
        std::vector<Profile> made;
        std::vector<Problem> problems;
        for (ShippedFile const& file : shipped_files()) {
            if (!is_provider(file)) continue;
            if (auto profile = load_profile(file, problems)) made.push_back(std::move(*profile));
        }
        std::ranges::sort(made, {}, [](Profile const& profile) { return std::tie(profile.preference, profile.name); });
        return made;
    }();
    return all;
}

/// Only the file that is asked for is read: a gateway has few of the many providers.
Profile const* find_profile(std::string_view name) {
    static std::mutex mutex;
    static std::map<std::string, std::unique_ptr<Profile const>, std::less<>> known;
    std::scoped_lock const lock(mutex);
    if (auto const found = known.find(name); found != known.end()) return found->second.get();
    ShippedFile const file = shipped(std::string(name) + ".yaml");
    if (file.text.empty() || !is_provider(file)) return nullptr;
    std::vector<Problem> problems;
    auto profile = load_profile(file, problems);
    if (!profile) return nullptr;
    return known.emplace(name, std::make_unique<Profile const>(std::move(*profile))).first->second.get();
}

std::vector<std::string> catalogue_problems() {
    std::vector<Problem> problems;
    std::vector<Source> sources;
    read_rule_sets(shipped("rules.yaml"), sources, problems);
    read_canonical_models(shipped("models.yaml"), problems);
    for (ShippedFile const& file : shipped_files()) {
        if (is_provider(file)) load_profile(file, problems);
    }
    auto texts = loaded_models().problems;
    for (Problem const& problem : problems) texts.push_back(to_text(problem, Colour::none));
    return texts;
}

namespace {

struct SharedRules {
    RuleSets sets;
    std::vector<Source> sources;
};

SharedRules const& shared_rules() {
    static SharedRules const loaded = [] {
        SharedRules made;
        std::vector<Problem> problems;
        made.sets = read_rule_sets(shipped("rules.yaml"), made.sources, problems);
        return made;
    }();
    return loaded;
}

}  // namespace

RuleSets const& rule_sets() { return shared_rules().sets; }
std::vector<Source> const& rule_sources() { return shared_rules().sources; }

std::vector<CanonicalModel> const& canonical_models() {
    static std::vector<CanonicalModel> const loaded = [] {
        std::vector<Problem> problems;
        return read_canonical_models(shipped("models.yaml"), problems);
    }();
    return loaded;
}

std::vector<CatalogueModel> const& catalogue_models() { return loaded_models().models; }

CatalogueModel const* find_catalogue_model(std::string_view provider, std::string_view model) {
    auto const& models = catalogue_models();
    auto const found = std::ranges::find_if(models, [provider, model](CatalogueModel const& each) {
        return each.provider == provider && each.model == model;
    });
    return found == models.end() ? nullptr : &*found;
}

Variable const* Profile::find_variable(std::string_view variable) const {
    auto const found = std::ranges::find(variables, variable, &Variable::name);
    return found == variables.end() ? nullptr : &*found;
}

namespace {

constexpr std::array capabilities{&ModelFacts::tools,
                                  &ModelFacts::stream_tools,
                                  &ModelFacts::parallel_tools,
                                  &ModelFacts::tool_choice_required,
                                  &ModelFacts::vision,
                                  &ModelFacts::json_object,
                                  &ModelFacts::json_schema,
                                  &ModelFacts::reasoning,
                                  &ModelFacts::continues_assistant};

}  // namespace

ModelFacts Profile::facts_of(std::string_view model) const {
    ModelFacts facts;
    for (ModelFacts const& each : models) {
        if (!matches_model(each.match, model)) continue;
        for (auto const capability : capabilities)
            if (!(facts.*capability)) facts.*capability = each.*capability;
        if (facts.context == 0) facts.context = each.context;
        if (facts.max_output == 0) facts.max_output = each.max_output;
    }
    return facts;
}

ModelFacts Profile::facts_of_all() const {
    ModelFacts facts;
    for (auto const capability : capabilities) {
        auto const is_said = [capability](ModelFacts const& each) { return (each.*capability).has_value(); };
        auto const general = std::ranges::find_if(models, [&is_said](ModelFacts const& each) {
            return is_said(each) && each.match == std::vector<std::string>{"*"};
        });
        if (general == models.end()) continue;
        bool const agree = std::ranges::all_of(models.begin(), general, [&](ModelFacts const& each) {
            return !is_said(each) || each.*capability == (*general).*capability;
        });
        if (agree) facts.*capability = (*general).*capability;
    }
    return facts;
}

std::string Profile::region_of(Variable const& variable, std::string_view value) {
    auto const found = std::ranges::find_if(
        variable.regions, [value](auto const& row) { return row.first == value || match_star(row.first, value).fits; });
    return found == variable.regions.end() ? std::string() : found->second;
}

void apply(Profile const& profile, ProviderSettings& provider) {
    ProviderSettings const& shipped = profile.settings;
    provider.type = profile.name;
    provider.dialect = shipped.dialect;
    provider.telemetry_name = shipped.telemetry_name;
    provider.base_url = shipped.base_url;
    provider.auth = shipped.auth;
    provider.auth_header = shipped.auth_header;
    provider.headers = shipped.headers;
    provider.include_usage = shipped.include_usage;
    provider.chat_path = shipped.chat_path;
    provider.forward_headers = shipped.forward_headers;
    provider.answer_headers = shipped.answer_headers;
    provider.parameters = shipped.parameters;
    provider.reasoning_tags = shipped.reasoning_tags;
    provider.is_router = shipped.is_router;
    provider.traits = shipped.traits;
    provider.continue_message_members = shipped.continue_message_members;
    provider.continue_request_members = shipped.continue_request_members;
}

}  // namespace sluice::config
