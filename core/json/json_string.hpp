#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/json/json_index.hpp"

/// The inside of a JSON string: what stands between its quotes.
namespace sluice {

/// Offset of the first bad escape, or npos.
std::size_t find_bad_escape(std::string_view raw, Surrogates surrogates);

/// `raw`, which has no bad escape, without its escapes. Half a surrogate pair becomes U+FFFD.
std::string unescaped(std::string_view raw);

}  // namespace sluice
