#include "core/types/nano_usd.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

namespace sluice {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The value is `digits` x 10^`exponent`; no leading zeros.
struct Decimal {
    std::string digits;
    std::int64_t exponent = 0;
};

std::optional<Decimal> read_decimal(std::string_view text) {
    Decimal decimal;
    bool point = false;
    bool any = false;
    std::size_t at = 0;
    for (; at < text.size() && (is_digit(text[at]) || (text[at] == '.' && !point)); ++at) {
        if (text[at] == '.') {
            point = true;
            continue;
        }
        any = true;
        if (point) --decimal.exponent;
        if (!decimal.digits.empty() || text[at] != '0') decimal.digits += text[at];
    }
    if (!any) return std::nullopt;
    if (at == text.size()) return decimal;
    if (text[at] != 'e' && text[at] != 'E') return std::nullopt;
    auto exponent = text.substr(at + 1);
    if (exponent.starts_with('+')) exponent.remove_prefix(1);
    int power = 0;
    auto const [end, error] = std::from_chars(exponent.data(), exponent.data() + exponent.size(), power);
    if (error != std::errc() || end != exponent.data() + exponent.size()) return std::nullopt;
    decimal.exponent += power;
    return decimal;
}

}  // namespace

std::optional<NanoUsd> read_usd(std::string_view decimal, int exponent) {
    constexpr int nano = 9;
    auto const read = read_decimal(decimal);
    if (!read) return std::nullopt;
    if (read->digits.empty()) return NanoUsd{0};
    auto const shift = read->exponent + exponent + nano;
    auto const size = static_cast<std::int64_t>(read->digits.size());
    if (size + shift > std::numeric_limits<std::int64_t>::digits10 + 1) return std::nullopt;
    auto const whole =
        static_cast<std::size_t>(std::clamp<std::int64_t>(size + std::min<std::int64_t>(shift, 0), 0, size));
    auto digits = whole == 0 ? std::string("0") : read->digits.substr(0, whole);
    if (shift > 0) digits.append(static_cast<std::size_t>(shift), '0');
    NanoUsd usd;
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), usd.count);
    if (error != std::errc()) return std::nullopt;
    bool const more = read->digits.find_first_not_of('0', whole) != std::string::npos;
    if (more && usd.count == std::numeric_limits<std::int64_t>::max()) return std::nullopt;
    if (more) ++usd.count;
    return usd;
}

}  // namespace sluice
