#include "server/net/buffer_pool.hpp"

#include <algorithm>

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace sluice::net {

Buffer::~Buffer() {
    if (bytes_ && pool_) pool_->give_back(*this);
}

Buffer BufferPool::take(std::size_t size) {
    auto const* const found = std::lower_bound(classes.begin(), classes.end(), size);
    Buffer buffer;
    buffer.capacity_ = found == classes.end() ? size : *found;
    if (found != classes.end()) {
        buffer.pool_ = this;
        auto& free = free_[static_cast<std::size_t>(found - classes.begin())];
        if (!free.empty()) {
            buffer.bytes_ = std::move(free.back());
            free.pop_back();
            ASAN_UNPOISON_MEMORY_REGION(buffer.bytes_.get(), buffer.capacity_ + Buffer::padding);
            return buffer;
        }
    }
    buffer.bytes_ = std::make_unique_for_overwrite<char[]>(buffer.capacity_ + Buffer::padding);
    return buffer;
}

void BufferPool::give_back(Buffer& buffer) {
    auto const* const found = std::lower_bound(classes.begin(), classes.end(), buffer.capacity_);
    auto& free = free_[static_cast<std::size_t>(found - classes.begin())];
    if (free.size() * buffer.capacity_ >= kept_bytes) return;
    ASAN_POISON_MEMORY_REGION(buffer.bytes_.get(), buffer.capacity_ + Buffer::padding);  // nothing without ASan
    free.push_back(std::move(buffer.bytes_));
}

void BufferPool::trim() {
    for (auto& free : free_) free.resize(free.size() / 2);
}

std::size_t BufferPool::kept() const {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < classes.size(); ++i) bytes += free_[i].size() * classes[i];
    return bytes;
}

}  // namespace sluice::net
