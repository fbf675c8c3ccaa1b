#include "server/lab/random.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sluice::lab {

std::uint64_t Random::next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

double Random::unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

double Random::normal() {
    double radius = std::sqrt(-2.0 * std::log(std::max(unit(), 1e-300)));
    return radius * std::cos(2.0 * std::numbers::pi * unit());
}

std::uint64_t hash_text(std::uint64_t seed, std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325ULL ^ (seed * 0x9e3779b97f4a7c15ULL);
    for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return hash;
}

}  // namespace sluice::lab
