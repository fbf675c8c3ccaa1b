#include "server/api/digest_table.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sluice::api {
namespace {

constexpr std::size_t usual_in_a_bucket = 4;  // more is less memory, and more to look at

}  // namespace

DigestTable::Words DigestTable::words_of(Digest const& digest) {
    Words words{};
    std::memcpy(words.data(), digest.data(), digest.size());
    return words;
}

DigestTable::DigestTable(std::vector<Digest> const& digests) {
    auto const buckets = std::bit_ceil(std::max<std::size_t>(digests.size() / usual_in_a_bucket, 1));
    mask_ = buckets - 1;
    std::vector<std::size_t> sizes(buckets);
    for (auto const& digest : digests) width_ = std::max(width_, ++sizes[bucket_of(words_of(digest))]);
    slots_.resize(buckets * width_);
    for (std::size_t i = 0; i < slots_.size(); ++i) places_.push_back(static_cast<std::uint32_t>(i % digests.size()));
    for (std::size_t i = digests.size(); i-- > 0;) {  // buckets fill from behind, and the last slot counts
        auto const words = words_of(digests[i]);
        auto const slot = bucket_of(words) * width_ + --sizes[bucket_of(words)];
        slots_[slot] = words;
        places_[slot] = static_cast<std::uint32_t>(i);
    }
}

DigestTable::Found DigestTable::find(Digest const& digest) const {
    auto const asked = words_of(digest);
    auto const begin = bucket_of(asked) * width_;
    auto const* const slots = &slots_[begin];
    auto at = ((asked[1] >> 32U) * width_) >> 32U;  // some slot, as long as the right one is not known
    std::uint64_t there = 0;
    for (std::size_t i = 0; i < width_; ++i) {
        std::uint64_t differing = 0;
        for (std::size_t word = 0; word < asked.size(); ++word) differing |= slots[i][word] ^ asked[word];
        // All ones where nothing differs; without a branch.
        auto const same = ((differing | (0 - differing)) >> 63U) - 1;
        at = (i & same) | (at & ~same);
        there |= same;
    }
    return {.place = places_[begin + at], .is_there = there != 0};
}

}  // namespace sluice::api
