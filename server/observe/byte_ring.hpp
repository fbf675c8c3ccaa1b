#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string_view>

namespace sluice::observe {

/// Bytes from one writing thread to one reading thread, without locks. A write fits as a whole or is refused.
class ByteRing {
public:
    /// `capacity` is a power of two.
    explicit ByteRing(std::size_t capacity);

    /// Writer. False: no room.
    bool write(std::string_view bytes);
    /// Writer: bytes that wait, as far as it knows.
    std::size_t waiting() const {
        return written_.load(std::memory_order_relaxed) - taken_.load(std::memory_order_acquire);
    }

    /// Reader: the bytes that wait, up to the ring's seam. Stable until take().
    std::string_view readable() const;
    /// Reader: frees the first `count` of them.
    void take(std::size_t count);

private:
    std::size_t const capacity_;
    std::unique_ptr<char[]> bytes_;
    alignas(64) std::atomic<std::size_t> written_{0};  // both count on for ever; a difference is a size
    alignas(64) std::atomic<std::size_t> taken_{0};
};

}  // namespace sluice::observe
