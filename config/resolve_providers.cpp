#include <algorithm>
#include <initializer_list>
#include <map>

#include "config/addresses.hpp"
#include "config/catalogue.hpp"
#include "config/resolve.hpp"
#include "config/text.hpp"

namespace sluice::config {
namespace {

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
    bool const is_region = !variable.regions.empty() && !reader.has(concatenated({path, ".region"}));
    if (is_region) provider.traits.region = Profile::region_of(variable, *value);
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

/// The server of `health`, and whether anything would ever wait in `queue`.
void check_queue_and_health(ProviderSettings const& provider, std::string const& path, Reader& reader) {
    if (provider.queue.size > 0 && provider.max_in_flight == 0) {
        reader.error(reader.place(path + ".queue"),
                     "`queue` needs `max_in_flight`: without a limit no request would ever wait");
    }
    auto const is_visible = [](char c) { return c > ' ' && c < 0x7F && c != '#'; };
    std::string const& probed = provider.health.path;
    if (!probed.empty() && (!probed.starts_with('/') || !std::ranges::all_of(probed, is_visible))) {
        std::string const at = path + ".health.path";
        reader.error(reader.place(at), reader.subject(at) + " is no path: write one like /health");
    }
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
    bool const is_elsewhere = knows_type && provider.base_url != find_profile(provider.type)->settings.base_url;
    if (is_elsewhere && !reader.has(path + ".region")) provider.traits.region.clear();
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
    check_queue_and_health(provider, path, reader);
    check_readable(provider.ca_file, path + ".ca_file", reader, files);
    if (knows_type) resolve_credentials(draft, provider, path, reader);
    settings.providers.emplace(provider.name, std::move(provider));
}

}  // namespace

void check_readable(std::string const& path, std::string const& where, Reader& reader, Files const& files) {
    if (path.empty()) return;
    reader.watch(path);
    auto const content = files.read ? files.read(path) : std::unexpected(std::string("No such file or directory"));
    if (!content) reader.error(reader.place(where), "can't read " + path + ": " + content.error());
}

void resolve_providers(Draft& draft, Settings& settings, Reader& reader, Files const& files) {
    for (auto& [name, provider] : draft.providers) resolve_provider(provider, settings, reader, files);
}

}  // namespace sluice::config
