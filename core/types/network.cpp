#include "core/types/network.hpp"

#include <algorithm>
#include <charconv>
#include <span>

namespace sluice {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

/// All of `text` as a number in `base`, at most `most` and of at most `digits` digits.
std::optional<unsigned> number(std::string_view text, int base, std::size_t digits, unsigned most) {
    unsigned value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    bool const whole = error == std::errc() && end == text.data() + text.size();
    if (!whole || text.empty() || text.size() > digits || value > most) return std::nullopt;
    return value;
}

/// "10.0.0.1" into the four bytes of `to`. A leading zero is refused: some read it as octal.
bool read_four(std::string_view text, std::span<std::uint8_t, 4> to) {
    for (std::size_t i = 0; i < 4; ++i) {
        auto const dot = text.find('.');
        auto const part = text.substr(0, dot);
        auto const value = number(part, 10, 3, 255);
        bool const is_last = i == 3;
        if (!value || (part.size() > 1 && part.front() == '0') || (dot == std::string_view::npos) != is_last)
            return false;
        to[i] = static_cast<std::uint8_t>(*value);
        text.remove_prefix(is_last ? text.size() : dot + 1);
    }
    return true;
}

/// Groups with colons between them, the last perhaps in IPv4's notation; appended to `to`, whose `used` bytes stand.
bool read_groups(std::string_view text, Bytes& to, std::size_t& used) {
    while (!text.empty()) {
        auto const colon = text.find(':');
        auto const part = text.substr(0, colon);
        if (part.contains('.')) {
            if (colon != std::string_view::npos || used > 12) return false;
            if (!read_four(part, std::span<std::uint8_t, 4>(&to[used], 4))) return false;
            used += 4;
            return true;
        }
        auto const value = number(part, 16, 4, 0xFFFF);
        if (!value || used > 14) return false;
        to[used++] = static_cast<std::uint8_t>(*value >> 8U);
        to[used++] = static_cast<std::uint8_t>(*value & 0xFFU);
        if (colon == std::string_view::npos) return true;
        text.remove_prefix(colon + 1);
        if (text.empty()) return false;  // ends with one colon
    }
    return true;
}

std::optional<Bytes> read_six(std::string_view text) {
    Bytes bytes{};
    std::size_t used = 0;
    auto const gap = text.find("::");
    if (gap == std::string_view::npos) {
        return read_groups(text, bytes, used) && used == 16 ? std::optional(bytes) : std::nullopt;
    }
    if (text.substr(0, gap).contains('.')) return std::nullopt;  // IPv4's notation is for the end
    Bytes tail{};
    std::size_t behind = 0;
    bool const valid = read_groups(text.substr(0, gap), bytes, used) && read_groups(text.substr(gap + 2), tail, behind);
    if (!valid || used + behind > 14) return std::nullopt;
    std::copy_n(tail.begin(), behind, bytes.end() - static_cast<std::ptrdiff_t>(behind));
    return bytes;
}

std::optional<Bytes> read_address(std::string_view text) {
    if (text.contains(':')) return read_six(text);
    Bytes bytes{};
    bytes[10] = bytes[11] = 0xFF;
    if (!read_four(text, std::span<std::uint8_t, 4>(&bytes[12], 4))) return std::nullopt;
    return bytes;
}

/// Whether the first `prefix` bits are the same.
bool same_prefix(Bytes const& left, Bytes const& right, unsigned prefix) {
    auto const whole = prefix / 8;
    if (!std::equal(left.begin(), left.begin() + whole, right.begin())) return false;
    auto const rest = prefix % 8;
    if (rest == 0) return true;
    auto const mask = 0xFFU << (8 - rest);
    return ((left[whole] ^ right[whole]) & mask & 0xFFU) == 0;
}

}  // namespace

std::optional<Network> read_network(std::string_view text) {
    auto const slash = text.find('/');
    auto const host = text.substr(0, slash);
    auto const bytes = read_address(host);
    if (!bytes) return std::nullopt;
    Network network{.bytes = *bytes};
    if (slash == std::string_view::npos) return network;
    bool const is_four = !host.contains(':');
    auto const bits = number(text.substr(slash + 1), 10, 3, is_four ? 32 : 128);
    if (!bits) return std::nullopt;
    network.prefix = is_four ? *bits + 96 : *bits;
    Bytes rest = network.bytes;
    for (unsigned bit = 0; bit < network.prefix; ++bit)
        rest[bit / 8] = static_cast<std::uint8_t>(rest[bit / 8] & ~(0x80U >> (bit % 8)));
    if (std::ranges::any_of(rest, [](std::uint8_t byte) { return byte != 0; })) return std::nullopt;
    return network;
}

bool contains(Network const& network, std::string_view address) {
    auto const bytes = read_address(address);
    return bytes && same_prefix(network.bytes, *bytes, network.prefix);
}

}  // namespace sluice
