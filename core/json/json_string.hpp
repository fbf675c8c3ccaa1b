#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "core/json/json_index.hpp"

/// The inside of a JSON string: what stands between its quotes.
namespace sluice {

/// Whether `c` behind a backslash is a whole escape.
constexpr bool is_simple_escape(char c) {
    constexpr auto simple = [] {
        std::array<bool, 256> set{};
        for (unsigned char const known : {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'}) set[known] = true;
        return set;
    }();
    return simple[static_cast<unsigned char>(c)];
}

/// The length of the escape that `text` begins with, of both for a surrogate pair; 0 for a bad one.
std::size_t escape_length(std::string_view text, Surrogates surrogates);

/// `raw`, which has no bad escape, without its escapes. Half a surrogate pair becomes U+FFFD.
std::string unescaped(std::string_view raw);

}  // namespace sluice
