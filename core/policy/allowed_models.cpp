#include "core/policy/allowed_models.hpp"

#include <algorithm>

#include "core/policy/model_index.hpp"

namespace sluice {

AllowedModels no_models() { return {std::string()}; }

bool covers(AllowedModels const& allowed, std::string_view name) {
    auto const holds = [name](std::string const& pattern) { return match_wildcard(pattern, name).has_value(); };
    return allowed.empty() || std::ranges::any_of(allowed, holds);
}

AllowedModels models_within(AllowedModels const& own, AllowedModels const& bounds) {
    if (own.empty()) return bounds;
    AllowedModels both;
    for (auto const& name : own) {
        if (covers(bounds, name)) both.push_back(name);
    }
    for (auto const& name : bounds) {
        if (covers(own, name) && std::ranges::find(both, name) == both.end()) both.push_back(name);
    }
    return both.empty() ? no_models() : both;
}

}  // namespace sluice
