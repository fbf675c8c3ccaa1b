#include "core/json/json_number.hpp"

#include <charconv>
#include <cstddef>

namespace sluice {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t digits_at(std::string_view token, std::size_t at) {
    std::size_t count = 0;
    while (at + count < token.size() && is_digit(token[at + count])) ++count;
    return count;
}

/// The exponent behind 'e', saturated far outside of what a double can hold.
int exponent_of(std::string_view text) {
    bool const negative = text.starts_with('-');
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    int value = 0;
    for (char const c : text) value = value < 100'000 ? value * 10 + (c - '0') : value;
    return negative ? -value : value;
}

/// How many digits stand before the decimal point of `digits.fraction`, leading zeros taken off: 0.001 has -2.
int magnitude(std::string_view digits, std::string_view fraction) {
    auto const first = digits.find_first_not_of('0');
    if (first != std::string_view::npos) return static_cast<int>(digits.size() - first);
    auto const zeros = fraction.find_first_not_of('0');
    return zeros == std::string_view::npos ? -1'000'000 : -static_cast<int>(zeros);
}

/// The largest double is near 1.8e308: only numbers with 309 digits need a real conversion.
bool too_large(std::string_view token, int digits) {
    if (digits != 309) return digits > 309;
    double value = 0;
    return std::from_chars(token.data(), token.data() + token.size(), value).ec != std::errc{};
}

}  // namespace

std::string_view number_problem(std::string_view token) {
    constexpr std::string_view malformed = "not a number";
    std::size_t at = token.starts_with('-') ? 1 : 0;
    auto const whole = token.substr(at, digits_at(token, at));
    if (whole.empty() || (whole.size() > 1 && whole.front() == '0')) return malformed;
    at += whole.size();
    std::string_view fraction;
    if (at < token.size() && token[at] == '.') {
        fraction = token.substr(at + 1, digits_at(token, at + 1));
        if (fraction.empty()) return malformed;
        at += 1 + fraction.size();
    }
    int exponent = 0;
    if (at < token.size() && (token[at] | 0x20) == 'e') {
        auto const sign = at + 1 < token.size() && (token[at + 1] == '+' || token[at + 1] == '-') ? 1U : 0U;
        auto const digits = digits_at(token, at + 1 + sign);
        if (digits == 0) return malformed;
        exponent = exponent_of(token.substr(at + 1, sign + digits));
        at += 1 + sign + digits;
    }
    if (at != token.size()) return malformed;
    if (whole.size() + (exponent > 0 ? static_cast<std::size_t>(exponent) : 0) < 309) return {};
    return too_large(token, magnitude(whole, fraction) + exponent) ? "a number is out of range" : std::string_view{};
}

}  // namespace sluice
