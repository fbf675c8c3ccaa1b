#include "server/observe/line_buffer.hpp"

#include <algorithm>
#include <array>

#include "core/types/error.hpp"

namespace sluice::observe {
namespace {

std::string_view clipped(std::string_view text) {
    if (text.size() <= most_text) return text;
    auto end = most_text;
    for (int back = 0; back < 3 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U; ++back) --end;
    return text.substr(0, end);
}

constexpr std::size_t block = 16;

/// Whether the bytes of a block stand for themselves in a JSON string. Without a branch, so that all are looked at at
/// once.
bool is_plain(char const* bytes) {
    unsigned char odd = 0;
    for (std::size_t i = 0; i < block; ++i) {
        auto const byte = static_cast<unsigned char>(bytes[i]);
        odd |= static_cast<unsigned char>((byte < 0x20) | (byte >= 0x7F) | (byte == '"') | (byte == '\\'));
    }
    return odd == 0;
}

}  // namespace

void LineBuffer::grow(std::size_t count) {
    auto const used = view().size();
    auto const size = std::max(2 * static_cast<std::size_t>(end_ - begin_.get()), used + count);
    auto bigger = std::make_unique_for_overwrite<char[]>(size);
    std::memcpy(bigger.get(), begin_.get(), used);
    begin_ = std::move(bigger);
    at_ = begin_.get() + used;
    end_ = begin_.get() + size;
}

LineBuffer& LineBuffer::json_text(std::string_view text) {
    text = clipped(text);
    need(text.size() + 2 + block);
    // Copied first and filled up, so that the short texts of a line can be looked at in whole blocks too.
    char* const copy = at_ + 1;
    std::memcpy(copy, text.data(), text.size());
    std::memset(copy + text.size(), ' ', block);
    for (std::size_t at = 0; at < text.size(); at += block) {
        if (!is_plain(copy + at)) [[unlikely]]
            return raw(json_quoted(text));  // rare enough for a temporary
    }
    put('"');
    at_ += text.size();
    put('"');
    return *this;
}

LineBuffer& LineBuffer::shown(std::string_view text) {
    text = clipped(text);
    need(text.size());
    for (char const c : text) put(c < 0x20 || c > 0x7E ? '?' : c);
    return *this;
}

LineBuffer& LineBuffer::decimal(std::int64_t count, unsigned digits) {
    std::array<char, 24> room{};
    std::size_t at = room.size();
    auto rest = count < 0 ? 0 - static_cast<std::uint64_t>(count) : static_cast<std::uint64_t>(count);
    bool written = false;
    for (unsigned i = 0; i < digits; ++i, rest /= 10) {
        written = written || rest % 10 != 0;
        if (written) room[--at] = static_cast<char>('0' + rest % 10);
    }
    if (written) room[--at] = '.';
    do {
        room[--at] = static_cast<char>('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (count < 0) room[--at] = '-';
    return raw({room.data() + at, room.size() - at});
}

}  // namespace sluice::observe
