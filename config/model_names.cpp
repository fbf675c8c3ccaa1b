#include "config/model_names.hpp"

#include <algorithm>

#include "config/text.hpp"

namespace sluice::config {

ModelNames::ModelNames(Settings const& settings) {
    for (ModelSettings const& model : settings.models)
        (model.name.contains('*') ? wildcards_ : all_).push_back(model.name);
    all_.insert(all_.end(), wildcards_.begin(), wildcards_.end());
}

bool ModelNames::has(std::string const& name) const {
    auto const fits = [&name](std::string const& known) { return match_star(known, name).fits; };
    return std::ranges::find(all_, name) != all_.end() || std::ranges::any_of(wildcards_, fits);
}

}  // namespace sluice::config
