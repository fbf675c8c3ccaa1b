#include "server/observe/byte_ring.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace sluice::observe {

ByteRing::ByteRing(std::size_t capacity)
    : capacity_(capacity), bytes_(std::make_unique_for_overwrite<char[]>(capacity)) {
    assert(std::has_single_bit(capacity));
}

bool ByteRing::write(std::string_view bytes) {
    auto const written = written_.load(std::memory_order_relaxed);
    if (bytes.size() > capacity_ - (written - taken_.load(std::memory_order_acquire))) return false;
    auto const at = written & (capacity_ - 1);
    auto const first = std::min(bytes.size(), capacity_ - at);
    std::memcpy(bytes_.get() + at, bytes.data(), first);
    std::memcpy(bytes_.get(), bytes.data() + first, bytes.size() - first);
    written_.store(written + bytes.size(), std::memory_order_release);
    return true;
}

std::string_view ByteRing::readable() const {
    auto const taken = taken_.load(std::memory_order_relaxed);
    auto const waiting = written_.load(std::memory_order_acquire) - taken;
    auto const at = taken & (capacity_ - 1);
    return {bytes_.get() + at, std::min(waiting, capacity_ - at)};
}

void ByteRing::take(std::size_t count) {
    taken_.store(taken_.load(std::memory_order_relaxed) + count, std::memory_order_release);
}

}  // namespace sluice::observe
