#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// Tables of bytes for the parsers of this folder.
namespace sluice::http {

using ByteSet = std::array<bool, 256>;

constexpr ByteSet make_token_bytes() {
    ByteSet set{};
    for (char c = 'a'; c <= 'z'; ++c) set[static_cast<unsigned char>(c)] = true;
    for (char c = 'A'; c <= 'Z'; ++c) set[static_cast<unsigned char>(c)] = true;
    for (char c = '0'; c <= '9'; ++c) set[static_cast<unsigned char>(c)] = true;
    for (char c : std::string_view("!#$%&'*+-.^_`|~")) set[static_cast<unsigned char>(c)] = true;
    return set;
}

/// What a target may hold: visible ASCII without what no client sends raw. RFC 3986 excludes `[]{}|^` and the backtick
/// as well, but browsers and httpx leave some of those as they are (WHATWG URL 1.3), and they mean nothing to us.
constexpr ByteSet make_target_bytes() {
    ByteSet set{};
    for (std::size_t c = 0x21; c < 0x7F; ++c) set[c] = true;
    for (char c : std::string_view("\"#<>\\")) set[static_cast<unsigned char>(c)] = false;
    return set;
}

constexpr std::array<char, 256> make_lower() {
    std::array<char, 256> table{};
    for (std::size_t c = 0; c < table.size(); ++c) {
        table[c] = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    return table;
}

constexpr ByteSet token_bytes = make_token_bytes();
constexpr ByteSet target_bytes = make_target_bytes();
constexpr std::array<char, 256> lower_bytes = make_lower();

constexpr bool in(ByteSet const& set, char c) { return set[static_cast<unsigned char>(c)]; }
constexpr char lower(char c) { return lower_bytes[static_cast<unsigned char>(c)]; }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; }

/// -1 for what is no hexadecimal digit.
constexpr int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    char const l = lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/// How many bytes at the front of `text` are in `set`. The library's loop is unrolled, unlike one of our own.
constexpr std::size_t count_in(ByteSet const& set, std::string_view text) {
    auto const end = std::find_if_not(text.begin(), text.end(), [&set](char c) { return in(set, c); });
    return static_cast<std::size_t>(end - text.begin());
}

constexpr bool all_in(ByteSet const& set, std::string_view text) { return count_in(set, text) == text.size(); }

constexpr std::string_view trim_blanks(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

/// The index of the first control byte (not HTAB) at or after `from`, or the size. One pass finds both the end of a
/// line and every byte that may not be in it.
inline std::size_t find_control(std::string_view text, std::size_t from) {
    std::size_t at = from;
#if defined(__SSE2__)
    __m128i const highest = _mm_set1_epi8(0x1F);
    __m128i const tab = _mm_set1_epi8('\t');
    __m128i const del = _mm_set1_epi8(0x7F);
    for (; at + 16 <= text.size(); at += 16) {
        __m128i const bytes = _mm_loadu_si128(reinterpret_cast<__m128i const*>(text.data() + at));
        __m128i const low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, highest), bytes);
        __m128i const found =
            _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), low), _mm_cmpeq_epi8(bytes, del));
        int const mask = _mm_movemask_epi8(found);
        if (mask != 0) return at + static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(mask)));
    }
#endif
    while (at < text.size() && !is_control(text[at])) ++at;
    return at;
}

}  // namespace sluice::http
