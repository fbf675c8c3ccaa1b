#include "config/target_traits.hpp"

namespace sluice::config {

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

TargetTraits traits_of(ProviderSettings const& provider, std::string_view) { return provider.traits; }

}  // namespace sluice::config
