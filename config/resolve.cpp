#include "config/resolve.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "config/addresses.hpp"
#include "config/catalogue.hpp"
#include "config/text.hpp"

namespace sluice::config {
namespace {

void resolve_server(Draft& draft, Settings& settings, Reader& reader, Files const& files) {
    settings.server = std::move(draft.server);
    settings.anybody_may_bring_keys = draft.anybody_may_bring_keys;
    if (draft.anybody_may_bring_keys && !draft.keys.empty()) {
        reader.error(reader.place("server.bring_keys"),
                     "`server.bring_keys` is for a gateway without `keys`: here a key's `may_bring_keys` decides");
    }
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
        reader.error(reader.place(path(i)), "the same key as `" +
                                                clipped(settings.keys[same_hash->second].caller.name) + "` at " +
                                                shown(reader.place(path(same_hash->second))));
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
        for (TargetSettings const& target : model.extra_targets) used.insert(target.provider);
        if (model.classifier) used.insert(model.classifier->target.provider);
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
    resolve_providers(draft, settings, reader, files);
    resolve_models(draft, settings, reader);
    for (std::size_t i = 0; i < draft.keys.size(); ++i) resolve_key(draft.keys[i], i, settings, reader);
    check_duplicate_keys(settings, reader);
    check_key_models(settings, reader);
    resolve_prices(draft, settings, reader);
    if (!reader.has_errors()) warn_of_unused(settings, reader);
    return settings;
}

}  // namespace sluice::config
