#pragma once

#include <cstddef>
#include <vector>

namespace sluice {

/// The memory of coroutine frames, and of what else lives as long as a request. A request makes some thirty of them, of
/// few sizes, and frees them soon: each thread keeps freed ones, up to `most_kept` bytes, which is what a hundred and
/// fifty requests need at once. Thread: any; a frame may be given back on another thread than took it.
class FrameCache {
public:
    static constexpr std::size_t most_kept = 2 * 1024 * 1024;

    static void* take(std::size_t size);
    static void give_back(void* frame, std::size_t size) noexcept;

    /// Frees what this thread has kept, and not needed, since the last call.
    static void trim() noexcept;
    /// Frees everything that this thread keeps: at its end.
    static void release() noexcept;
};

/// A base of what each request makes with `new`: its memory is that of frames.
struct Recycled {
    static void* operator new(std::size_t size) { return FrameCache::take(size); }
    static void operator delete(void* object, std::size_t size) noexcept { FrameCache::give_back(object, size); }
};

template <class T>
struct RecyclingAllocator {
    using value_type = T;

    RecyclingAllocator() = default;
    template <class Other>
    RecyclingAllocator(RecyclingAllocator<Other> const&) noexcept {}  // NOLINT(google-explicit-constructor)

    T* allocate(std::size_t count) { return static_cast<T*>(FrameCache::take(count * sizeof(T))); }
    void deallocate(T* objects, std::size_t count) noexcept { FrameCache::give_back(objects, count * sizeof(T)); }
    friend bool operator==(RecyclingAllocator, RecyclingAllocator) = default;
};

/// For lists that each request makes.
template <class T>
using RecycledVector = std::vector<T, RecyclingAllocator<T>>;

}  // namespace sluice
