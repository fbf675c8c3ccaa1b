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
    resolve_keys(draft, settings, reader);
    resolve_limits(draft, settings, reader);
    resolve_storage(draft, settings, reader, files);
    resolve_auth(draft, settings, reader);
    resolve_prices(draft, settings, reader);
    if (!reader.has_errors()) warn_of_unused(settings, reader);
    return settings;
}

}  // namespace sluice::config
