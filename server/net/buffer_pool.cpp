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
    auto const* const found = std::lower_bound(sizes.begin(), sizes.end(), size);
    Buffer buffer;
    buffer.capacity_ = found == sizes.end() ? size : *found;
    if (found != sizes.end()) {
        buffer.pool_ = this;
        auto& [free, unneeded] = classes_[static_cast<std::size_t>(found - sizes.begin())];
        if (!free.empty()) {
            buffer.bytes_ = std::move(free.back());
            free.pop_back();
            unneeded = std::min(unneeded, free.size());
            kept_ -= buffer.capacity_;
            ASAN_UNPOISON_MEMORY_REGION(buffer.bytes_.get(), buffer.capacity_ + Buffer::padding);
            return buffer;
        }
    }
    buffer.bytes_ = std::make_unique_for_overwrite<char[]>(buffer.capacity_ + Buffer::padding);
    return buffer;
}

void BufferPool::give_back(Buffer& buffer) {
    if (kept_ + buffer.capacity_ > most_kept) return;
    auto const* const found = std::lower_bound(sizes.begin(), sizes.end(), buffer.capacity_);
    ASAN_POISON_MEMORY_REGION(buffer.bytes_.get(), buffer.capacity_ + Buffer::padding);  // nothing without ASan
    classes_[static_cast<std::size_t>(found - sizes.begin())].free.push_back(std::move(buffer.bytes_));
    kept_ += buffer.capacity_;
}

void BufferPool::trim() {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        auto& [free, unneeded] = classes_[i];
        free.resize(free.size() - unneeded);
        kept_ -= unneeded * sizes[i];
        unneeded = free.size();
    }
}

}  // namespace sluice::net
