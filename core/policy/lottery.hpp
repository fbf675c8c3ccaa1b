#pragma once

#include <cstdint>

namespace sluice {

/// Draws that follow from one seed alone (SplitMix64), the same on every machine: a plan can be made again. Not for
/// secrets.
class Lottery {
public:
    explicit Lottery(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        state_ += 0x9E37'79B9'7F4A'7C15U;
        auto mixed = state_;
        mixed = (mixed ^ (mixed >> 30U)) * 0xBF58'476D'1CE4'E5B9U;
        mixed = (mixed ^ (mixed >> 27U)) * 0x94D0'49BB'1331'11EBU;
        return mixed ^ (mixed >> 31U);
    }

    /// 0 to `bound` - 1; `bound` > 0 and far below 2^32 in all our uses, so that no number is favoured noticeably.
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }

    /// True in `percent` of 100 draws.
    bool hits(unsigned percent) { return below(100) < percent; }

private:
    std::uint64_t state_;
};

}  // namespace sluice
