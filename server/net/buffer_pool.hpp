#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace sluice::net {

class BufferPool;

/// Raw bytes, never zero-filled, with `padding` readable bytes behind `capacity()` (simdjson reads ahead). Given back
/// to its pool when destroyed. Must not outlive the pool.
class Buffer {
public:
    static constexpr std::size_t padding = 64;

    Buffer() = default;
    Buffer(Buffer&& other) noexcept { swap(other); }
    Buffer& operator=(Buffer&& other) noexcept {
        Buffer(std::move(other)).swap(*this);
        return *this;
    }
    ~Buffer();

    char* data() { return bytes_.get(); }
    char const* data() const { return bytes_.get(); }
    std::size_t capacity() const { return capacity_; }
    explicit operator bool() const { return bytes_ != nullptr; }

    void swap(Buffer& other) noexcept {
        std::swap(bytes_, other.bytes_);
        std::swap(capacity_, other.capacity_);
        std::swap(pool_, other.pool_);
    }

private:
    friend class BufferPool;
    std::unique_ptr<char[]> bytes_;
    std::size_t capacity_ = 0;
    BufferPool* pool_ = nullptr;
};

/// Free buffers of one worker by size class. Keeps a bounded number of bytes; what is above goes back to the allocator.
/// Thread: its worker's.
class BufferPool {
public:
    static constexpr std::array<std::size_t, 4> sizes{4 * 1024, 16 * 1024, 64 * 1024, 256 * 1024};
    static constexpr std::size_t most_kept = 2 * 1024 * 1024;

    /// At least `size` bytes of capacity. Larger than the largest class: allocated and freed, not kept.
    Buffer take(std::size_t size);

    /// Frees what was kept, and not needed, since the last call.
    void trim();
    /// Bytes that wait to be taken again.
    std::size_t kept() const { return kept_; }

private:
    friend class Buffer;
    void give_back(Buffer& buffer);

    struct Class {
        std::vector<std::unique_ptr<char[]>> free;
        std::size_t unneeded = 0;  ///< the least number of free ones since the last trim()
    };
    std::array<Class, sizes.size()> classes_;
    std::size_t kept_ = 0;
};

}  // namespace sluice::net
