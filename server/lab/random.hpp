#pragma once
#include <cstdint>
#include <string_view>

namespace sluice::lab {

/// SplitMix64: small, and the same on every machine, so that a seed means the same faults everywhere.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next();
    /// In [0, 1).
    double unit();
    /// Standard normal deviate.
    double normal();

private:
    std::uint64_t state_;
};

/// FNV-1a, continued from `seed`.
std::uint64_t hash_text(std::uint64_t seed, std::string_view text);

}  // namespace sluice::lab
