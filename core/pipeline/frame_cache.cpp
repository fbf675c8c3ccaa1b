#include "core/pipeline/frame_cache.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace sluice {
namespace {

constexpr std::size_t granule = 16;
constexpr std::size_t class_count = 512;  // up to 8 KiB; larger frames go straight to the allocator

struct Free {
    Free* next;
};

struct Class {
    Free* first = nullptr;
    unsigned count = 0;
    unsigned unneeded = 0;  ///< the least count since the last trim()
};

// Trivially destructible, so that reaching it costs no check; release() empties it.
constinit thread_local std::array<Class, class_count> classes{};
constinit thread_local std::size_t kept_bytes = 0;

constexpr std::size_t class_of(std::size_t size) { return (size - 1) / granule; }
constexpr std::size_t size_of(std::size_t which) { return (which + 1) * granule; }

// Under AddressSanitizer a frame that is used after its end shall be found out.
#if defined(__SANITIZE_ADDRESS__) || (defined(__has_feature) && __has_feature(address_sanitizer))
constexpr bool keeps = false;
#else
constexpr bool keeps = true;
#endif

void* take_kept(std::size_t which) noexcept {
    auto& kept = classes[which];
    kept.unneeded = std::min(kept.unneeded, --kept.count);
    kept_bytes -= size_of(which);
    return std::exchange(kept.first, kept.first->next);
}

}  // namespace

void* FrameCache::take(std::size_t size) {
    auto const which = class_of(size);
    if (!keeps || which >= class_count) return ::operator new(size);
    if (classes[which].first == nullptr) return ::operator new(size_of(which));
    return take_kept(which);
}

void FrameCache::give_back(void* frame, std::size_t size) noexcept {
    auto const which = class_of(size);
    if (!keeps || which >= class_count || kept_bytes >= most_kept) return ::operator delete(frame);
    auto& kept = classes[which];
    kept.first = new (frame) Free{kept.first};
    ++kept.count;
    kept_bytes += size_of(which);
}

void FrameCache::trim() noexcept {
    for (std::size_t which = 0; which < class_count; ++which) {
        for (auto unneeded = classes[which].unneeded; unneeded > 0; --unneeded) ::operator delete(take_kept(which));
        classes[which].unneeded = classes[which].count;
    }
}

void FrameCache::release() noexcept {
    trim();
    trim();  // what was needed a moment ago
}

}  // namespace sluice
