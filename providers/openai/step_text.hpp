#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

namespace sluice::openai {

/// Texts that a decoder writes for its client. They stay where they are until clear(); the memory is used again.
class StepText {
public:
    void clear() {
        used_ = 0;
        full_.clear();
    }

    /// `parts`, one behind the other.
    std::string_view keep(std::initializer_list<std::string_view> parts) {
        std::size_t size = 0;
        for (auto const part : parts) size += part.size();
        auto* const begin = room_for(size);
        auto* end = begin;
        for (auto const part : parts) end = std::copy(part.begin(), part.end(), end);
        return {begin, size};
    }

private:
    char* room_for(std::size_t size) {
        if (size > size_ - used_) {
            if (used_ > 0) full_.push_back(std::move(block_));
            size_ = std::max(std::max(size, 2 * size_), std::size_t{512});
            block_ = std::make_unique_for_overwrite<char[]>(size_);
            used_ = 0;
        }
        used_ += size;
        return block_.get() + used_ - size;
    }

    std::unique_ptr<char[]> block_;
    std::size_t size_ = 0;
    std::size_t used_ = 0;
    std::vector<std::unique_ptr<char[]>> full_;  ///< blocks of the current step that had no room for more
};

}  // namespace sluice::openai
