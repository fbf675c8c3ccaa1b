#include "config/known_model.hpp"

#include <algorithm>

namespace sluice::config {

KnownModel known_model(std::string_view provider, std::string_view model) {
    KnownModel known;
    if (Profile const* const profile = find_profile(provider)) known.facts = profile->facts_of(model);
    known.row = find_catalogue_model(provider, model);
    if (known.row != nullptr && known.row->context > 0) known.facts.context = known.row->context;
    if (known.row != nullptr && known.row->max_output > 0) known.facts.max_output = known.row->max_output;
    for (CanonicalModel const& each : canonical_models()) {
        auto const found = each.at.find(provider);
        if (found != each.at.end() && found->second == model) known.canonical = &each;
    }
    return known;
}

std::vector<std::string> known_ids(std::string_view provider) {
    std::vector<std::string> ids;
    for (CatalogueModel const& row : catalogue_models()) {
        if (row.provider == provider && row.answers_chat) ids.push_back(row.model);
    }
    for (CanonicalModel const& each : canonical_models()) {
        if (auto const found = each.at.find(provider); found != each.at.end()) ids.push_back(found->second);
    }
    std::ranges::sort(ids);
    auto const [first, last] = std::ranges::unique(ids);
    ids.erase(first, last);
    return ids;
}

}  // namespace sluice::config
