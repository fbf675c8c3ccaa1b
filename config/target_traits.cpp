#include "config/target_traits.hpp"

#include <array>
#include <utility>

#include "config/catalogue.hpp"

namespace sluice::config {
namespace {

constexpr std::array facts_by_capability{
    std::pair(Capability::tools, &ModelFacts::tools),
    std::pair(Capability::stream_tools, &ModelFacts::stream_tools),
    std::pair(Capability::parallel_tools, &ModelFacts::parallel_tools),
    std::pair(Capability::required_tool, &ModelFacts::tool_choice_required),
    std::pair(Capability::vision, &ModelFacts::vision),
    std::pair(Capability::json_object, &ModelFacts::json_object),
    std::pair(Capability::json_schema, &ModelFacts::json_schema),
    std::pair(Capability::reasoning, &ModelFacts::reasoning),
    std::pair(Capability::continues_assistant, &ModelFacts::continues_assistant),
};

TargetTraits traits_in(ModelFacts const& facts) {
    TargetTraits traits{.context = static_cast<std::int64_t>(facts.context),
                        .max_output = static_cast<std::int64_t>(facts.max_output)};
    for (auto const& [capability, fact] : facts_by_capability) {
        if (facts.*fact) (*(facts.*fact) ? traits.has : traits.lacks).add(capability);
    }
    return traits;
}

TargetTraits traits_in_catalogue(Profile const& profile, std::string_view model) {
    if (model.contains('*')) return traits_in(profile.facts_of_all());
    TargetTraits traits = traits_in(profile.facts_of(model));
    CatalogueModel const* const row = find_catalogue_model(profile.name, model);
    if (row != nullptr && row->context > 0) traits.context = static_cast<std::int64_t>(row->context);
    if (row != nullptr && row->max_output > 0) traits.max_output = static_cast<std::int64_t>(row->max_output);
    return traits;
}

}  // namespace

TargetTraits merged(TargetTraits const& below, TargetTraits const& over) {
    auto const without = [](Capabilities some, Capabilities others) {
        return static_cast<std::uint16_t>(some.bits & static_cast<std::uint16_t>(~others.bits));
    };
    TargetTraits made = over;
    made.has.bits |= without(below.has, over.lacks);
    made.lacks.bits |= without(below.lacks, over.has);
    if (made.context == 0) made.context = below.context;
    if (made.max_output == 0) made.max_output = below.max_output;
    if (made.region.empty()) made.region = below.region;
    if (made.quantization.empty()) made.quantization = below.quantization;
    if (!made.zero_retention) made.zero_retention = below.zero_retention;
    if (!made.trains) made.trains = below.trains;
    return made;
}

TargetTraits traits_of(ProviderSettings const& provider, std::string_view model) {
    Profile const* const profile = find_profile(provider.type);
    return profile == nullptr ? provider.traits : merged(traits_in_catalogue(*profile, model), provider.traits);
}

}  // namespace sluice::config
