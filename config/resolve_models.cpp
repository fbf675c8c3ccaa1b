#include <algorithm>

#include "config/catalogue.hpp"
#include "config/resolve.hpp"
#include "config/resolve_routes.hpp"
#include "config/text.hpp"

namespace sluice::config {
namespace {

/// The catalogue's names that a wildcard model stands for, as a client would write them.
std::vector<std::string> listed_names(ModelSettings const& model, Settings const& settings) {
    std::vector<std::string> names;
    for (TargetSettings const& target : model.targets) {
        auto const provider = settings.providers.find(target.provider);
        if (!target.model.contains('*') || provider == settings.providers.end()) continue;
        for (CatalogueModel const& known : catalogue_models()) {
            if (known.provider != provider->second.type || !known.answers_chat) continue;
            auto const match = match_star(target.model, known.model);
            if (!match.fits) continue;
            std::string name = fill_star(model.name, match.star);
            if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
        }
        break;  // what the first such target can't serve would fail there first
    }
    return names;
}

void check_times(ModelSettings const& model, std::string const& path, Reader& reader) {
    if (model.breaker.open_for > model.breaker.open_max) {
        reader.error(reader.place(path + ".breaker"), "`breaker.open_for` is longer than `open_max`");
    }
    bool const never_reached = model.timeout.total.count() > 0 && model.timeout.first_token > model.timeout.total;
    if (never_reached && reader.has(path + ".timeout")) {
        reader.warning(reader.place(path + ".timeout"),
                       "`timeout.first_token` is longer than `total`, which ends the request first");
    }
}

/// Of what is known without a request: not prices, which a route may learn.
bool could_fit(TargetTraits const& traits, TargetFilter const& filter) {
    auto const is_one_of = [](std::vector<std::string> const& allowed, std::string const& word) {
        return allowed.empty() || std::ranges::find(allowed, word) != allowed.end();
    };
    return is_one_of(filter.regions, traits.region) && is_one_of(filter.quantizations, traits.quantization) &&
           (!filter.zero_retention || traits.zero_retention == true) && (!filter.no_training || traits.trains == false);
}

void check_require(ModelSettings const& model, std::string const& path, Reader& reader) {
    if (model.classifier && !could_fit(model.classifier->target.traits, model.require)) {
        reader.warning(reader.place(path + ".require"), "the classifier of `" + clipped(model.name) +
                                                            "` is not known to be like this, and is never asked");
    }
    auto const fits = [&model](TargetSettings const& target) { return could_fit(target.traits, model.require); };
    if (model.targets.empty() || std::ranges::any_of(model.targets, fits)) return;
    reader.warning(reader.place(path + ".require"), "no target of `" + clipped(model.name) +
                                                        "` is known to be like this: say what is true of them under "
                                                        "`providers` or `targets`");
}

}  // namespace

void resolve_models(Draft const& draft, Settings& settings, Reader& reader) {
    bool const is_known = reader.has("models") && reader.is_reported(reader.place("models"));
    if (draft.models.empty() && !is_known) {
        reader.error(reader.place("models"),
                     "there are no `models`: a client could ask for nothing; the shortest is `\"*\": PROVIDER/*`");
    }
    RouteBuilder routes(draft, settings, reader);
    for (std::size_t i = 0; i < draft.models.size(); ++i) {
        ModelDraft const& model = draft.models[i];
        std::string const& name = model.settings.name;
        std::string const path = "models." + name;
        if (std::ranges::count(name, '*') > 1)
            reader.error(reader.place(path), "`" + clipped(name) + "` has more than one `*`");
        if (model.targets.empty() && reader.has(path + ".targets"))
            reader.error(reader.place(path + ".targets"), "`targets` is empty");
        ModelSettings resolved = model.settings;
        routes.build(model, resolved);
        resolve_match(draft, i, resolved, reader);
        if (name.contains('*')) resolved.listed = listed_names(resolved, settings);
        check_times(resolved, path, reader);
        check_require(resolved, path, reader);
        settings.models.push_back(std::move(resolved));
    }
}

}  // namespace sluice::config
