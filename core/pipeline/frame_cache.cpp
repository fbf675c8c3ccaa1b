#include "core/pipeline/frame_cache.hpp"

#include <array>
#include <new>
#include <utility>

namespace sluice {
namespace {

constexpr std::size_t granule = 64;
constexpr std::size_t class_count = 128;  // up to 8 KiB; larger frames go straight to the allocator
constexpr unsigned kept_per_class = 32;

struct Free {
    Free* next;
};

struct Class {
    Free* first = nullptr;
    unsigned count = 0;
};

// Trivially destructible, so that reaching it costs no check; release() empties it.
constinit thread_local std::array<Class, class_count> classes{};

constexpr std::size_t class_of(std::size_t size) { return (size - 1) / granule; }

// Under AddressSanitizer a frame that is used after its end shall be found out.
#if defined(__SANITIZE_ADDRESS__) || (defined(__has_feature) && __has_feature(address_sanitizer))
constexpr bool keeps = false;
#else
constexpr bool keeps = true;
#endif

}  // namespace

void* FrameCache::take(std::size_t size) {
    auto const which = class_of(size);
    if (!keeps || which >= class_count) return ::operator new(size);
    auto& kept = classes[which];
    if (kept.first == nullptr) return ::operator new((which + 1) * granule);
    --kept.count;
    return std::exchange(kept.first, kept.first->next);
}

void FrameCache::give_back(void* frame, std::size_t size) noexcept {
    auto const which = class_of(size);
    if (!keeps || which >= class_count || classes[which].count >= kept_per_class) return ::operator delete(frame);
    auto& kept = classes[which];
    kept.first = new (frame) Free{kept.first};
    ++kept.count;
}

void FrameCache::release() noexcept {
    for (auto& kept : classes) {
        while (kept.first != nullptr) ::operator delete(std::exchange(kept.first, kept.first->next));
        kept.count = 0;
    }
}

}  // namespace sluice
