#include "server/observe/json_line.hpp"

#include <algorithm>
#include <chrono>

#include "core/types/error.hpp"

namespace sluice::observe {
namespace {

bool is_plain(char c) {
    auto const byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\';
}

}  // namespace

std::string_view clipped(std::string_view text) {
    if (text.size() <= most_text) return text;
    auto end = most_text;
    for (int back = 0; back < 3 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U; ++back) --end;
    return text.substr(0, end);
}

void append_json_text(std::string& out, std::string_view text) {
    text = clipped(text);
    if (std::ranges::all_of(text, is_plain)) [[likely]] {
        out.append("\"").append(text).append("\"");
    } else {
        out += json_quoted(text);  // rare enough for a temporary
    }
}

void append_decimal(std::string& out, std::int64_t count, unsigned digits) {
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
    out.append(room.data() + at, room.size() - at);
}

void append_ms(std::string& out, Duration duration) {
    append_decimal(out, std::chrono::duration_cast<std::chrono::microseconds>(duration).count(), 3);
}

}  // namespace sluice::observe
