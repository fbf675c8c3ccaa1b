#include "core/json/json_string.hpp"

#include <algorithm>
#include <optional>

namespace sluice {
namespace {

constexpr bool is_high(unsigned unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
constexpr bool is_low(unsigned unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

/// The code unit of the `\uXXXX` that starts at `at`.
std::optional<unsigned> unit_at(std::string_view raw, std::size_t at) {
    if (raw.size() < at + 6 || raw[at] != '\\' || raw[at + 1] != 'u') return std::nullopt;
    unsigned unit = 0;
    for (char const c : raw.substr(at + 2, 4)) {
        unit <<= 4U;
        if (c >= '0' && c <= '9') {
            unit |= static_cast<unsigned>(c - '0');
        } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
            unit |= static_cast<unsigned>((c | 0x20) - 'a' + 10);
        } else {
            return std::nullopt;
        }
    }
    return unit;
}

void append_utf8(std::string& out, unsigned point) {
    auto const byte = [&out](unsigned value) { out += static_cast<char>(value); };
    if (point < 0x80) return byte(point);
    if (point < 0x800) {
        byte(0xC0U | (point >> 6U));
    } else if (point < 0x10000) {
        byte(0xE0U | (point >> 12U));
        byte(0x80U | ((point >> 6U) & 0x3FU));
    } else {
        byte(0xF0U | (point >> 18U));
        byte(0x80U | ((point >> 12U) & 0x3FU));
        byte(0x80U | ((point >> 6U) & 0x3FU));
    }
    byte(0x80U | (point & 0x3FU));
}

/// Appends the character of the escape at `at` and returns the escape's length.
std::size_t append_escape(std::string& out, std::string_view raw, std::size_t at) {
    switch (raw[at + 1]) {
        case 'b':
            out += '\b';
            return 2;
        case 'f':
            out += '\f';
            return 2;
        case 'n':
            out += '\n';
            return 2;
        case 'r':
            out += '\r';
            return 2;
        case 't':
            out += '\t';
            return 2;
        case 'u':
            break;
        default:
            out += raw[at + 1];
            return 2;
    }
    auto const unit = *unit_at(raw, at);
    auto const next = is_high(unit) ? unit_at(raw, at + 6) : std::nullopt;
    if (next && is_low(*next)) {
        append_utf8(out, 0x10000 + ((unit - 0xD800) << 10U) + (*next - 0xDC00));
        return 12;
    }
    append_utf8(out, is_high(unit) || is_low(unit) ? 0xFFFD : unit);
    return 6;
}

}  // namespace

std::size_t escape_length(std::string_view text, Surrogates surrogates) {
    if (text.size() >= 2 && is_simple_escape(text[1])) return 2;
    auto const unit = unit_at(text, 0);
    if (!unit) return 0;
    if (surrogates == Surrogates::any || (!is_high(*unit) && !is_low(*unit))) return 6;
    auto const next = is_high(*unit) ? unit_at(text, 6) : std::nullopt;
    return next && is_low(*next) ? 12 : 0;
}

std::string unescaped(std::string_view raw) {
    std::string out;
    out.reserve(raw.size());
    for (std::size_t at = 0; at < raw.size();) {
        auto const plain = std::min(raw.find('\\', at), raw.size());
        out += raw.substr(at, plain - at);
        at = plain;
        if (at < raw.size()) at += append_escape(out, raw, at);
    }
    return out;
}

}  // namespace sluice
