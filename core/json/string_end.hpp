#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "core/json/json_index.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// Where a JSON string ends.
namespace sluice {

struct StringEnd {
    char const* at = nullptr;    ///< behind the closing quote, or where the problem is
    std::string_view problem{};  ///< static text; empty: there is none
    std::size_t escapes = 0;
    bool beyond_ascii = false;  ///< some byte may be: whether they are UTF-8 is not checked
};

/// The end of the string that goes on at `at`. For long ones, and those with escapes.
StringEnd find_string_end(char const* at, char const* end, Surrogates surrogates);

/// What stands before the closing quote of the string that goes on at the start of `text`; nothing unless it is closed
/// and right in all of its bytes.
std::optional<std::string_view> string_before_quote(std::string_view text, Surrogates surrogates);

#if defined(__SSE2__)
/// Bytes that are looked at in one step.
constexpr std::ptrdiff_t string_block = 16;

inline __m128i load_string_block(char const* at) { return _mm_loadu_si128(reinterpret_cast<__m128i const*>(at)); }

/// Bit i: a string cannot simply go on with byte i.
inline unsigned special_bytes(__m128i bytes) {
    __m128i const control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
    __m128i const quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i const backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash))));
}
#endif

}  // namespace sluice
