#include "core/policy/complexity.hpp"

#include <algorithm>
#include <bit>

namespace sluice {
namespace {

/// `points` for `from` and for each doubling beyond it, at most `most`.
unsigned by_doublings(std::int64_t value, std::int64_t from, unsigned points, unsigned most) {
    if (value < from) return 0;
    auto const doublings = static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(value / from)));
    return std::min(doublings * points, most);
}

}  // namespace

unsigned complexity_of(RequestFacts const& facts) {
    unsigned points = by_doublings(facts.input_tokens, 100, 5, 35);
    points += by_doublings(facts.output_tokens, 500, 5, 15);
    points += std::min(facts.messages > 2 ? facts.messages - 2 : 0, 10U);
    if (facts.tools > 0) points += std::min(10 + facts.tools, 20U);
    if (facts.needs.has(Capability::json_schema)) {
        points += 10;
    } else if (facts.needs.has(Capability::json_object)) {
        points += 5;
    }
    if (facts.needs.has(Capability::reasoning)) points += 20;
    if (facts.needs.has(Capability::vision) || facts.needs.has(Capability::audio)) points += 10;
    return std::min(points, 100U);
}

}  // namespace sluice
