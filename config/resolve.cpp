#include "config/resolve.hpp"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>

#include "config/addresses.hpp"
#include "config/catalogue.hpp"
#include "config/text.hpp"

namespace sluice::config {
namespace {

void check_readable(std::string const& path, std::string const& where, Reader& reader, Files const& files) {
    if (path.empty()) return;
    reader.watch(path);
    auto const content = files.read ? files.read(path) : std::unexpected(std::string("No such file or directory"));
    if (!content) reader.error(reader.place(where), "can't read " + path + ": " + content.error());
}

void resolve_server(Draft& draft, Settings& settings, Reader& reader, Files const& files) {
    settings.server = std::move(draft.server);
    bool const has_certificate = !draft.tls.certificate_file.empty();
    bool const has_key = !draft.tls.key_file.empty();
    if (has_certificate != has_key && reader.has("server.tls")) {
        std::string const missing = has_key ? "certificate" : "key";
        reader.error(reader.place("server.tls"),
                     "`server.tls` needs `certificate` and `key`; `" + missing + "` is missing");
    }
    check_readable(draft.tls.certificate_file, "server.tls.certificate", reader, files);
    check_readable(draft.tls.key_file, "server.tls.key", reader, files);
    if (has_certificate && has_key) settings.server.tls = std::move(draft.tls);
    bool const is_same =
        settings.server.listen == settings.server.admin_listen && !settings.server.listen.ends_with(":0");
    if (is_same)
        reader.error(reader.place(reader.has("server.admin_listen") ? "server.admin_listen" : "server.listen"),
                     "`server.admin_listen` is the same as `server.listen`");
    if (!draft.keys.empty() || is_loopback(parts_of_address(settings.server.listen).host)) return;
    reader.error(reader.place("server.listen"),
                 "`server.listen` is not a loopback address and there are no `keys`: anybody could "
                 "use the providers; add `keys`, or listen on 127.0.0.1");
}

/// The settings of a provider's key or keys, when the file gives them in one way only.
void resolve_credentials(ProviderDraft const& draft, ProviderSettings& provider, std::string const& path,
                         Reader& reader) {
    Profile const* const profile = find_profile(provider.type);
    bool const has_list = reader.has(path + ".api_keys");
    if (reader.has(path + ".api_key") && has_list) {
        reader.error(reader.place(path + ".api_keys"), "`api_key` and `api_keys` exclude each other");
        return;
    }
    if (has_list && provider.credentials.empty()) {
        reader.error(reader.place(path + ".api_keys"), "`api_keys` is empty");
    }
    std::map<std::string, std::size_t> names;
    for (std::size_t i = 0; i < provider.credentials.size(); ++i) {
        std::string const& name = provider.credentials[i].name;
        if (names.try_emplace(name, i).second || name.empty()) continue;
        reader.error(reader.place(path + ".api_keys[" + std::to_string(i) + "].name"),
                     "duplicate name `" + clipped(name) + "`");
    }
    if (draft.api_key && draft.api_key->none)
        provider.auth = AuthScheme::none;
    else if (draft.api_key)
        provider.credentials.push_back({.name = "default", .value = draft.api_key->value});
    bool const unclear =
        !draft.api_key && !reader.has(path + ".api_key") && !has_list && provider.auth != AuthScheme::none;
    if (!unclear || profile == nullptr) return;
    if (!profile->needs_key) {
        provider.auth = AuthScheme::none;
        return;
    }
    std::string const variable = profile->key_variables.empty() ? "PROVIDER_API_KEY" : profile->key_variables.front();
    reader.error(reader.place(path), "provider `" + clipped(provider.name) + "` has no key: write `api_key: ${" +
                                         variable + "}`, or `api_key: none` if it needs none");
}

/// The value of a variable of `profile`: the file's, the environment's, or the catalogue's.
std::optional<std::string> value_of(Variable const& variable, ProviderDraft const& draft,
                                    Environment const& environment) {
    if (auto const given = draft.variables.find(variable.name); given != draft.variables.end()) return given->second;
    if (environment && !variable.env.empty()) {
        if (auto value = environment(variable.env); value && !value->empty()) return value;
    }
    return variable.standard;
}

/// A part of an address: what could leave its place there is refused.
bool fits_in_address(std::string_view value) {
    return !value.empty() && std::ranges::all_of(value, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("-._:").contains(c);
    }) && !value.starts_with('.');
}

std::string concatenated(std::initializer_list<std::string_view> parts) {
    std::string text;
    for (auto const part : parts) text += part;
    return text;
}

/// The texts in which a variable may stand.
std::vector<std::string*> places_of_variables(ProviderSettings& provider) {
    std::vector<std::string*> places{&provider.base_url, &provider.chat_path};
    for (auto& [name, text] : provider.headers) places.push_back(&text);
    return places;
}

void resolve_variable(Variable const& variable, ProviderDraft const& draft, ProviderSettings& provider,
                      std::string const& path, Reader& reader) {
    std::string const mark = "{" + variable.name + "}";
    auto const places = places_of_variables(provider);
    if (std::ranges::none_of(places, [&mark](std::string const* text) { return text->contains(mark); })) return;
    Position const at = reader.place(concatenated({path, ".variables.", variable.name}));
    auto const value = value_of(variable, draft, reader.environment());
    if (!value) {
        std::string_view const example = variable.example.empty() ? "..." : std::string_view(variable.example);
        auto message = concatenated({"`", path, "` needs `variables: { ", variable.name, ": ", example, " }`"});
        if (!variable.env.empty()) message.append(", or the variable ").append(variable.env);
        if (!variable.why.empty()) message.append(": ").append(variable.why);
        return reader.error(at, std::move(message));
    }
    bool const listed = variable.values.empty() || std::ranges::find(variable.values, *value) != variable.values.end();
    if (!listed || !fits_in_address(*value)) {
        auto message = concatenated({"`", clipped(*value), "` is no value for `", variable.name, "`"});
        message += variable.values.empty() ? ": letters, digits and -._: only" : reader.hint(*value, variable.values);
        return reader.error(at, std::move(message));
    }
    for (auto* const text : places) {
        for (auto found = text->find(mark); found != std::string::npos; found = text->find(mark, found + value->size()))
            text->replace(found, mark.size(), *value);
    }
}

/// Puts the values of variables where `{name}` stands in addresses and headers.
void resolve_variables(ProviderDraft const& draft, ProviderSettings& provider, std::string const& path,
                       Reader& reader) {
    Profile const* const profile = find_profile(provider.type);
    std::vector<std::string> known;
    known.reserve(profile->variables.size());
    for (Variable const& variable : profile->variables) known.push_back(variable.name);
    for (auto const& [name, unused] : draft.variables) {
        if (profile->find_variable(name) != nullptr) continue;
        reader.error(reader.place(concatenated({path, ".variables.", name})),
                     concatenated({"type `", profile->name, "` has no variable `", clipped(name), "`",
                                   reader.hint(name, known)}));
    }
    for (Variable const& variable : profile->variables) resolve_variable(variable, draft, provider, path, reader);
}

/// A user's rule on a field takes the place of all shipped ones on it.
void merge_rules(RuleList const& own, ProviderSettings& provider) {
    if (own.rules.empty()) return;
    auto rules = own.rules;
    std::erase_if(rules, [](ParameterRule const& rule) { return rule.action == RuleAction::keep; });
    for (ParameterRule const& shipped : provider.parameters) {
        auto const is_same = [&shipped](ParameterRule const& rule) { return rule.field == shipped.field; };
        if (std::ranges::none_of(own.rules, is_same)) rules.push_back(shipped);
    }
    provider.parameters = std::move(rules);
}

/// What the file adds to the catalogue's, instead of replacing it.
void merge_catalogue(ProviderDraft const& draft, ProviderSettings& provider) {
    if (Profile const* const profile = find_profile(provider.type))
        provider.headers.insert(profile->settings.headers.begin(), profile->settings.headers.end());
    merge_rules(draft.rules, provider);
    if (!draft.tags.empty()) provider.reasoning_tags = draft.tags;
    for (auto* const names : {&provider.forward_headers, &provider.answer_headers}) {
        for (auto& name : *names) {
            std::ranges::transform(name, name.begin(),
                                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        }
    }
}

/// A shell that exports OPENAI_BASE_URL for the SDKs exports it for the gateway too.
bool is_the_gateway(std::string const& base_url, ServerSettings const& server) {
    auto const upstream = parts_of_url(base_url);
    auto const own = parts_of_address(server.listen);
    bool const listens_there = is_loopback(own.host) || own.host == "0.0.0.0" || own.host == "::";
    return upstream.port == own.port && is_loopback(upstream.host) && listens_there;
}

void resolve_provider(ProviderDraft& draft, Settings& settings, Reader& reader, Files const& files) {
    ProviderSettings provider = std::move(draft.settings);
    merge_catalogue(draft, provider);
    std::string const path = "providers." + provider.name;
    if (provider.name.empty() || provider.name.find_first_of("/* ") != std::string::npos) {
        reader.error(reader.place(path), "a provider's name can't hold `/`, `*` or a space");
    }
    if (provider.type.empty() && find_profile(provider.name) != nullptr) provider.type = provider.name;
    if (provider.type.empty() && !reader.has(path + ".type")) {
        std::vector<std::string> names;
        for (Profile const& profile : profiles()) names.push_back(profile.name);
        reader.error(reader.place(path), "`type` is missing in `" + path + "`" + reader.hint(provider.name, names));
    }
    bool const knows_type = find_profile(provider.type) != nullptr;
    if (knows_type && provider.base_url.empty() && !reader.has(path + ".base_url")) {
        reader.error(reader.place(path),
                     "`base_url` is missing in `" + path + "`: type `" + provider.type + "` has none of its own");
    }
    if (knows_type) resolve_variables(draft, provider, path, reader);
    if (knows_type && !find_profile(provider.type)->status.empty()) {
        reader.warning(reader.place(path), "type `" + provider.type + "` is " + find_profile(provider.type)->status +
                                               " (docs/providers/" + provider.type + ".md)");
    }
    if (is_the_gateway(provider.base_url, settings.server)) {
        reader.error(reader.place(path + ".base_url"),
                     "`base_url` of `" + path + "` is this gateway's own address (`server.listen`)");
    }
    if (provider.auth == AuthScheme::header && provider.auth_header.empty()) {
        reader.error(reader.place(path + ".auth"), "`auth.header` is missing: `scheme: header` needs it");
    }
    check_readable(provider.ca_file, path + ".ca_file", reader, files);
    if (knows_type) resolve_credentials(draft, provider, path, reader);
    settings.providers.emplace(provider.name, std::move(provider));
}

void resolve_key(KeyDraft& draft, std::size_t index, Settings& settings, Reader& reader) {
    std::string const path = "keys[" + std::to_string(index) + "]";
    KeySettings key = std::move(draft.settings);
    bool const has_value = reader.has(path + ".value");
    bool const has_hash = reader.has(path + ".hash");
    if (has_value && has_hash) reader.error(reader.place(path + ".hash"), "`value` and `hash` exclude each other");
    if (!has_value && !has_hash) reader.error(reader.place(path), "`" + path + "` has neither `value` nor `hash`");
    constexpr std::size_t long_enough = 16;
    if (!draft.value.empty() && draft.value.expose().size() < long_enough) {
        reader.warning(reader.place(path + ".value"), "this key is shorter than 16 characters, and can be guessed");
    }
    key.sha256_hex = draft.value.empty() ? draft.hash : sha256_hex(draft.value.expose());
    settings.keys.push_back(std::move(key));
}

void check_duplicate_keys(Settings const& settings, Reader& reader) {
    std::map<std::string, std::size_t> names;
    std::map<std::string, std::size_t> hashes;
    auto const path = [](std::size_t index) { return "keys[" + std::to_string(index) + "]"; };
    for (std::size_t i = 0; i < settings.keys.size(); ++i) {
        KeySettings const& key = settings.keys[i];
        auto const [same_name, is_new_name] = names.try_emplace(key.caller.name, i);
        if (!is_new_name && !key.caller.name.empty()) {
            reader.error(reader.place(path(i) + ".name"), "duplicate key name `" + clipped(key.caller.name) +
                                                              "`: it stands already at " +
                                                              shown(reader.place(path(same_name->second) + ".name")));
        }
        auto const [same_hash, is_new_hash] = hashes.try_emplace(key.sha256_hex, i);
        if (is_new_hash || key.sha256_hex.empty()) continue;
        reader.error(reader.place(path(i)), "the same key as `" + clipped(settings.keys[same_hash->second].caller.name) +
                                                "` at " + shown(reader.place(path(same_hash->second))));
    }
}

void check_key_models(Settings const& settings, Reader& reader) {
    std::vector<std::string> names;
    std::vector<std::string> wildcards;
    for (ModelSettings const& model : settings.models) {
        (model.name.contains('*') ? wildcards : names).push_back(model.name);
    }
    std::set<std::string> const exact(names.begin(), names.end());
    names.insert(names.end(), wildcards.begin(), wildcards.end());
    for (std::size_t k = 0; k < settings.keys.size(); ++k) {
        std::string const path = "keys[" + std::to_string(k) + "].models";
        auto const& models = settings.keys[k].caller.models;
        if (models.empty() && reader.has(path)) {
            reader.error(reader.place(path), "`models` is empty: leave it out to allow all, or name some");
        }
        for (std::size_t m = 0; m < models.size(); ++m) {
            bool const exists = exact.contains(models[m]) ||
                                std::ranges::any_of(wildcards, [&name = models[m]](std::string const& known) {
                                    return known == name || match_star(known, name).fits;
                                });
            if (exists) continue;
            std::string const item = path + "[" + std::to_string(m) + "]";
            reader.error(reader.place(item),
                         reader.subject(item) + " is no model's name" + reader.hint(models[m], names));
        }
    }
}

void check_tiers(PriceSheet const& sheet, std::string const& path, Reader& reader) {
    std::set<std::int64_t> seen;
    for (std::size_t i = 0; i < sheet.tiers.size(); ++i) {
        if (seen.insert(sheet.tiers[i].above).second) continue;
        reader.error(reader.place(path + ".tiers[" + std::to_string(i) + "].above"),
                     "two tiers of `" + clipped(path) + "` begin at the same `above`");
    }
}

void resolve_prices(Draft const& draft, Settings& settings, Reader& reader) {
    for (auto const& [name, provider] : settings.providers) {
        for (CatalogueModel const& model : catalogue_models()) {
            if (model.provider == provider.type && model.prices)
                settings.prices[name + "/" + model.model] = *model.prices;
        }
    }
    std::vector<std::string> names;
    names.reserve(settings.providers.size());
    for (auto const& [name, provider] : settings.providers) names.push_back(name);
    for (auto const& [name, sheet] : draft.prices) {
        auto const slash = name.find('/');
        std::string const provider = name.substr(0, slash);
        Position const at = reader.place("prices." + name);
        if (slash == std::string::npos || slash == 0 || slash + 1 == name.size()) {
            reader.error(at, "`" + clipped(name) + "` is not PROVIDER/UPSTREAM-MODEL");
        } else if (!settings.providers.contains(provider)) {
            reader.error(at, "there is no provider `" + clipped(provider) + "`" + reader.hint(provider, names));
        } else {
            check_tiers(sheet, "prices." + name, reader);
            settings.prices[name] = sheet;
        }
    }
}

void warn_of_unused(Settings const& settings, Reader& reader) {
    std::set<std::string> used;
    for (ModelSettings const& model : settings.models) {
        for (TargetSettings const& target : model.targets) used.insert(target.provider);
    }
    for (auto const& [name, provider] : settings.providers) {
        if (used.contains(name)) continue;
        reader.warning(reader.place("providers." + name), "no model uses provider `" + clipped(name) + "`");
    }
}

}  // namespace

Settings resolve(Draft draft, Reader& reader, Files const& files) {
    Settings settings;
    resolve_server(draft, settings, reader, files);
    settings.telemetry = draft.telemetry;
    for (auto& [name, provider] : draft.providers) resolve_provider(provider, settings, reader, files);
    resolve_models(draft, settings, reader);
    for (std::size_t i = 0; i < draft.keys.size(); ++i) resolve_key(draft.keys[i], i, settings, reader);
    check_duplicate_keys(settings, reader);
    check_key_models(settings, reader);
    resolve_prices(draft, settings, reader);
    if (!reader.has_errors()) warn_of_unused(settings, reader);
    return settings;
}

}  // namespace sluice::config
