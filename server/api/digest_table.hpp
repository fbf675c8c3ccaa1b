#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/api/digest.hpp"

namespace sluice::api {

/// Finds digests by the same work whether they are there or not, and whatever else is: so the time says nothing of
/// what is known. Immutable. Thread: any.
class DigestTable {
public:
    DigestTable() = default;
    /// Not empty. Made for hashes, whose bits are equally distributed; for others it is right, but slow.
    explicit DigestTable(std::vector<Digest> const& digests);

    struct Found {
        std::size_t place = 0;  ///< among those given, of equal ones the last; of an unknown one anybody's
        bool is_there = false;
    };
    Found find(Digest const& digest) const;

private:
    using Words = std::array<std::uint64_t, 4>;
    static Words words_of(Digest const& digest);
    std::size_t bucket_of(Words const& words) const { return words[0] & mask_; }

    std::uint64_t mask_ = 0;
    std::size_t width_ = 0;                ///< slots of each bucket: as many as the fullest one needs
    std::vector<Words> slots_;             ///< bucket by bucket; what is empty is all zeros, which no key hashes to
    std::vector<std::uint32_t> places_{};  ///< of each slot; of an empty one anybody's
};

}  // namespace sluice::api
