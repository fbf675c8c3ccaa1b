#include "core/pipeline/headers.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace sluice {

void Headers::add(std::string_view name, std::string_view value) {
    Sizes const sizes{.name = static_cast<std::uint32_t>(name.size()),
                      .value = static_cast<std::uint32_t>(value.size())};
    auto const before = bytes_.size();
    auto const after = before + sizeof sizes + name.size() + value.size();
    if (after > bytes_.capacity()) bytes_.reserve(std::max(2 * bytes_.capacity(), after));
    bytes_.resize_and_overwrite(after, [&](char* bytes, std::size_t size) {
        char* at = bytes + before;
        std::memcpy(at, &sizes, sizeof sizes);
        at = std::copy(name.begin(), name.end(), at + sizeof sizes);
        std::copy(value.begin(), value.end(), at);
        return size;
    });
    ++count_;
}

void Headers::add_number(std::string_view name, std::int64_t value) {
    std::array<char, 20> text;
    auto const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    add(name, {text.data(), end});
}

std::string_view find(Headers const& headers, std::string_view lower_name) {
    for (auto const field : headers) {
        if (field.name == lower_name) return field.value;
    }
    return {};
}

}  // namespace sluice
