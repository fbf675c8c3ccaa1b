#include "config/catalogue.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/schema.hpp"
#include "config/values.hpp"
#include "config/yaml_tree.hpp"

namespace sluice::config {
namespace {

struct Catalogue {
    std::vector<Profile> profiles;
    std::vector<CatalogueModel> models;
    std::vector<std::string> problems;
};

std::string text_at(Node const& node, std::string_view key) {
    Node const* found = node.find(key);
    return found == nullptr ? std::string() : found->text;
}

void check_keys(Node const& node, std::initializer_list<std::string_view> known, std::string const& file,
                std::vector<std::string>& problems) {
    for (Entry const& entry : node.entries) {
        if (std::ranges::find(known, entry.key) == known.end()) problems.push_back(file + ": unknown key " + entry.key);
    }
}

void read_profile(ShippedFile const& file, Catalogue& catalogue) {
    std::string const name(file.name);
    std::vector<Problem> problems;
    auto const root = parse_yaml(file.text, name, problems);
    for (Problem const& problem : problems) catalogue.problems.push_back(to_text(problem, Colour::none));
    if (!root || root->entries.size() != 1) {
        catalogue.problems.push_back(name + ": one provider per file");
        return;
    }
    auto const& [provider, at, facts] = root->entries.front();
    check_keys(facts, {"dialect", "telemetry_name", "base_url", "base_url_env", "auth", "source", "date"}, name,
               catalogue.problems);
    Profile profile{.name = provider,
                    .dialect = text_at(facts, "dialect"),
                    .telemetry_name = text_at(facts, "telemetry_name"),
                    .base_url = text_at(facts, "base_url"),
                    .key_variables = {},
                    .base_url_variable = text_at(facts, "base_url_env")};
    if (text_at(facts, "source").empty() || text_at(facts, "date").empty())
        catalogue.problems.push_back(name + ": no source and date");
    if (Node const* auth = facts.find("auth")) {
        check_keys(*auth, {"scheme", "env", "other_env", "required"}, name, catalogue.problems);
        if (text_at(*auth, "scheme") != "bearer") catalogue.problems.push_back(name + ": auth.scheme must be bearer");
        profile.needs_key = text_at(*auth, "required") != "false";
        if (auto variable = text_at(*auth, "env"); !variable.empty())
            profile.key_variables.push_back(std::move(variable));
        if (Node const* others = auth->find("other_env")) {
            for (Node const& other : others->items) profile.key_variables.push_back(other.text);
        }
    }
    catalogue.profiles.push_back(std::move(profile));
}

std::optional<PricePerMillion> price_at(nlohmann::json const& row, char const* key) {
    auto const found = row.find(key);
    if (found == row.end() || !found->is_string()) return std::nullopt;
    Field const price{.key = {}, .kind = Kind::price};
    auto const value = parse_value(price, found->get_ref<std::string const&>());
    if (!value) return std::nullopt;
    return PricePerMillion{NanoUsd{std::get<std::int64_t>(*value)}};
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
                             .answers_chat = row.value("kind", "chat") == "chat"};
        auto const input = price_at(row, "input");
        auto const output = price_at(row, "output");
        if (input && output) {
            model.prices = PriceSheet{.input = *input,
                                      .output = *output,
                                      .cached_input = price_at(row, "cached_input"),
                                      .cache_write = price_at(row, "cache_write")};
        } else {
            catalogue.problems.push_back(std::string(file.name) + ": no price for " + model.provider + "/" +
                                         model.model);
        }
        if (row.value("source", "").empty())
            catalogue.problems.push_back(std::string(file.name) + ": no source for " + model.model);
        catalogue.models.push_back(std::move(model));
    }
}

Catalogue const& catalogue() {
    static Catalogue const loaded = [] {
        Catalogue made;
        for (ShippedFile const& file : shipped_files()) {
            if (file.name == "prices.json")
                read_models(file, made);
            else
                read_profile(file, made);
        }
        return made;
    }();
    return loaded;
}

}  // namespace

std::vector<Profile> const& profiles() { return catalogue().profiles; }
std::vector<CatalogueModel> const& catalogue_models() { return catalogue().models; }
std::vector<std::string> catalogue_problems() { return catalogue().problems; }

Profile const* find_profile(std::string_view name) {
    auto const found = std::ranges::find(profiles(), name, &Profile::name);
    return found == profiles().end() ? nullptr : &*found;
}

void apply(Profile const& profile, ProviderSettings& provider) {
    provider.type = profile.name;
    provider.dialect = profile.dialect;
    provider.telemetry_name = profile.telemetry_name;
    provider.base_url = profile.base_url;
    provider.auth = profile.auth;
}

}  // namespace sluice::config
