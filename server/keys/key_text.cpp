#include "server/keys/key_text.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace sluice::keys {
namespace {

constexpr std::string_view letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t random_size = 43;  // 62^43 > 2^256
constexpr std::size_t sum_size = 6;      // 62^6 > 2^32

/// Each letter equally likely: a byte that would favour some is drawn again.
std::string random_letters(std::size_t count) {
    constexpr unsigned fair = 256 / letters.size() * letters.size();
    std::string text;
    while (text.size() < count) {
        std::array<unsigned char, 64> bytes{};
        if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return {};
        for (auto const byte : bytes) {
            if (byte < fair && text.size() < count) text += letters[byte % letters.size()];
        }
    }
    return text;
}

/// CRC-32 (IEEE 802.3).
std::uint32_t crc32(std::string_view text) {
    std::uint32_t sum = 0xFFFF'FFFFU;
    for (char const c : text) {
        sum ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1U) ^ ((sum & 1U) != 0 ? 0xEDB8'8320U : 0U);
    }
    return ~sum;
}

std::string sum_of(std::string_view text) {
    auto rest = crc32(text);
    std::string sum(sum_size, letters.front());
    for (std::size_t i = sum_size; i-- > 0; rest /= letters.size()) sum[i] = letters[rest % letters.size()];
    return sum;
}

}  // namespace

std::string make_key_text() {
    auto const random = random_letters(random_size);
    if (random.empty()) return {};
    std::string text(key_start);
    text += random;
    return text + sum_of(text);
}

bool is_key_text(std::string_view text) {
    if (!text.starts_with(key_start) || text.size() != key_start.size() + random_size + sum_size) return false;
    auto const is_letter = [](char c) { return letters.contains(c); };
    auto const body = text.substr(0, text.size() - sum_size);
    return std::ranges::all_of(text.substr(key_start.size()), is_letter) && sum_of(body) == text.substr(body.size());
}

std::string shown_prefix(std::string_view text) {
    constexpr std::size_t shown = 6;
    return std::string(text.substr(0, key_start.size() + shown));
}

std::string make_key_id() {
    constexpr std::size_t id_size = 12;
    auto const random = random_letters(id_size);
    return random.empty() ? random : "k_" + random;
}

}  // namespace sluice::keys
