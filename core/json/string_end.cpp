#include "core/json/string_end.hpp"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "core/json/json_string.hpp"

namespace sluice {
namespace {

/// Whether a string cannot simply go on with `c`.
bool is_special(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }

/// The length of the escape at `place`; 0: it is bad.
std::ptrdiff_t length_of_escape(char const* place, char const* end, Surrogates surrogates) {
    if (is_simple_escape(place[1])) return 2;
    return static_cast<std::ptrdiff_t>(escape_length({place, end}, surrogates));
}

}  // namespace

StringEnd find_string_end(char const* at, char const* end, Surrogates surrogates) {
    StringEnd found;
    auto const problem = [&found](char const* place, std::string_view what) {
        found.at = place;
        found.problem = what;
        return found;
    };
    constexpr std::string_view not_closed = "a string is not closed";
    constexpr std::string_view control = "a control character inside a string";
    constexpr std::string_view bad_escape = "a bad escape inside a string";
#if defined(__SSE2__)
    constexpr auto two_blocks = 2 * string_block;
    while (end - at > two_blocks) {  // so that an escape's second byte is there
        auto const low = load_string_block(at);
        auto const high = load_string_block(at + string_block);
        auto special = special_bytes(low) | std::uint64_t{special_bytes(high)} << string_block;
        // perhaps of a byte behind the string: that costs little
        found.beyond_ascii |= _mm_movemask_epi8(_mm_or_si128(low, high)) != 0;
        auto const* next = at + two_blocks;
        while (special != 0) {
            auto const offset = std::countr_zero(special);
            auto const* const place = at + offset;
            if (*place == '"') {
                found.at = place + 1;
                return found;
            }
            if (*place != '\\') return problem(place, control);
            auto const length = length_of_escape(place, end, surrogates);
            if (length == 0) return problem(place, bad_escape);
            ++found.escapes;
            next = std::max(next, place + length);
            special = special >> (offset + length) << (offset + length);
        }
        at = next;
    }
#endif
    for (; at != end && *at != '"'; ++at) {  // near the end of the text
        found.beyond_ascii |= static_cast<unsigned char>(*at) >= 0x80;
        if (!is_special(*at)) continue;
        if (*at != '\\') return problem(at, control);
        if (end - at == 1) break;
        auto const length = length_of_escape(at, end, surrogates);
        if (length == 0) return problem(at, bad_escape);
        ++found.escapes;
        at += length - 1;
    }
    if (at == end || *at != '"') return problem(end, not_closed);
    found.at = at + 1;
    return found;
}

std::optional<std::string_view> string_before_quote(std::string_view text, Surrogates surrogates) {
    auto const end = find_string_end(text.data(), text.data() + text.size(), surrogates);
    if (!end.problem.empty()) return std::nullopt;
    auto const inside = text.substr(0, static_cast<std::size_t>(end.at - 1 - text.data()));
    if (end.beyond_ascii && !simdjson::validate_utf8(inside.data(), inside.size())) return std::nullopt;
    return inside;
}

}  // namespace sluice
