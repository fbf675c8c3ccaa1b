#pragma once

#include <cstddef>

namespace sluice {

/// The memory of coroutine frames. A request makes some twenty of them, of few sizes, and frees them soon: each thread
/// keeps a bounded number of freed ones. Thread: any; a frame may be given back on another thread than took it.
class FrameCache {
public:
    static void* take(std::size_t size);
    static void give_back(void* frame, std::size_t size) noexcept;

    /// Frees what this thread keeps: at its end, or when it has been quiet.
    static void release() noexcept;
};

}  // namespace sluice
