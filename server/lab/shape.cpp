#include "server/lab/shape.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::lab {
namespace {

void append_little_endian(std::string& out, std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}

std::uint32_t crc32(std::string_view text) {
    std::uint32_t crc = ~0U;
    for (char c : text) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) ? 0xedb88320U : 0U);
    }
    return ~crc;
}

}  // namespace

std::size_t total_bytes(std::vector<Piece> const& pieces) { return offset_of(pieces, pieces.size()); }

std::size_t offset_of(std::vector<Piece> const& pieces, std::size_t count) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < std::min(count, pieces.size()); ++i) bytes += pieces[i].text.size();
    return bytes;
}

void pause_at(std::vector<Piece>& pieces, std::size_t offset, Duration pause) {
    for (auto piece = pieces.begin(); piece != pieces.end(); offset -= piece->text.size(), ++piece) {
        if (offset >= piece->text.size()) continue;
        if (offset == 0) {
            piece->wait += pause;
            return;
        }
        Piece rest{pause, piece->text.substr(offset), piece->tokens};
        piece->text.resize(offset);
        piece->tokens = 0;
        pieces.insert(piece + 1, std::move(rest));
        return;
    }
}

void drip(std::vector<Piece>& pieces, std::size_t size, Duration interval) {
    std::vector<Piece> out;
    for (auto& piece : pieces) {
        for (std::size_t at = 0; at < piece.text.size(); at += size)
            out.push_back({at == 0 ? std::max(piece.wait, interval) : interval, piece.text.substr(at, size), 0});
        if (!out.empty()) out.back().tokens += piece.tokens;
    }
    pieces = std::move(out);
}

void regroup(std::vector<Piece>& pieces, std::size_t size) {
    std::vector<Piece> out;
    Piece open;
    for (auto& piece : pieces) {
        open.wait += piece.wait;
        open.tokens += piece.tokens;
        open.text += piece.text;
        while (open.text.size() >= size) {
            Piece rest{{}, open.text.substr(size), 0};
            open.text.resize(size);
            out.push_back(std::exchange(open, std::move(rest)));
        }
    }
    if (!open.text.empty()) out.push_back(std::move(open));
    pieces = std::move(out);
}

void merge(std::vector<Piece>& pieces) {
    Piece whole;
    for (auto const& piece : pieces) {
        whole.wait += piece.wait;
        whole.tokens += piece.tokens;
        whole.text += piece.text;
    }
    pieces.clear();
    pieces.push_back(std::move(whole));
}

std::string stored_gzip(std::string_view text) {
    std::string out("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    constexpr std::size_t block = 65535;
    std::size_t at = 0;
    do {
        auto size = std::min(block, text.size() - at);
        out += at + size == text.size() ? '\1' : '\0';
        append_little_endian(out, size, 2);
        append_little_endian(out, ~size, 2);
        out += text.substr(at, size);
        at += size;
    } while (at < text.size());
    append_little_endian(out, crc32(text), 4);
    append_little_endian(out, text.size(), 4);
    return out;
}

}  // namespace sluice::lab
