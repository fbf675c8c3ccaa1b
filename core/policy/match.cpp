#include "core/policy/match.hpp"
namespace sluice {
MatchRule const* first_match(std::span<MatchRule const>, MatchInput const&) { return nullptr; }
}
