#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace sluice::fuzz {

/// Where the network cuts an input: derived from the input itself, so that a finding is one file and seeds stay text.
class Cuts {
public:
    explicit Cuts(std::string_view bytes) {
        for (char c : bytes) state_ = (state_ ^ static_cast<unsigned char>(c)) * 1'099'511'628'211ULL;  // FNV-1a
    }

    /// From 1 to `most`, which is at least 1; small pieces are as likely as large ones.
    std::size_t piece(std::size_t most) {
        std::size_t const bound = std::size_t{1} << (next() % 12);
        return 1 + next() % (bound < most ? bound : most);
    }

private:
    std::size_t next() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return static_cast<std::size_t>(state_ >> 16);
    }

    std::uint64_t state_ = 14'695'981'039'346'656'037ULL;
};

/// A promise of the code under test. Aborts, so that libFuzzer keeps the input.
inline void require(bool holds, char const* promise) {
    if (holds) return;
    std::fprintf(stderr, "broken promise: %s\n", promise);
    std::abort();
}

}  // namespace sluice::fuzz
