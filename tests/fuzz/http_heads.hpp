#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/head.hpp"
#include "tests/fuzz/cuts.hpp"

namespace sluice::fuzz {

/// By name in small letters. Beast keeps fields of one name together; so does this, and their order among themselves.
using FieldList = std::multimap<std::string, std::string>;

inline std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return lower;
}

inline FieldList our_fields(std::vector<http::Field> const& fields) {
    FieldList list;
    for (auto const& field : fields) list.emplace(lower_case(field.name), field.value);
    return list;
}

template <class BeastFields>
FieldList beast_fields(BeastFields const& fields) {
    FieldList list;
    for (auto const& field : fields) {
        list.emplace(lower_case({field.name_string().data(), field.name_string().size()}),
                     std::string(field.value().data(), field.value().size()));
    }
    return list;
}

/// What must be true of the bytes of every accepted head, found by looking and not by parsing.
inline void require_clean_bytes(std::string_view head) {
    require(head.ends_with("\r\n\r\n"), "a head ends with a blank line");
    require(head.find("\r\n\r\n") == head.size() - 4, "a head ends with its first blank line");
    for (std::size_t i = 0; i < head.size(); ++i) {
        auto const c = static_cast<unsigned char>(head[i]);
        if (c == '\n') require(i > 0 && head[i - 1] == '\r', "no bare LF");
        if (c == '\r') require(i + 1 < head.size() && head[i + 1] == '\n', "no bare CR");
        require(c >= 0x20 || c == '\n' || c == '\r' || c == '\t', "no control byte");
        require(c != 0x7F, "no DEL");
        bool const folded = (c == ' ' || c == '\t') && i > 0 && head[i - 1] == '\n';
        require(!folded, "no folded line");
    }
}

/// Feeds growing prefixes, each in a buffer of its own, until there is a verdict.
template <class Parse>
http::HeadState feed_in_pieces(std::string_view bytes, std::unique_ptr<char[]>& buffer, Parse parse) {
    Cuts cuts(bytes);
    http::HeadState state = http::HeadState::need_more;
    for (std::size_t size = 0; size < bytes.size() && state == http::HeadState::need_more;) {
        size += cuts.piece(bytes.size() - size);
        auto moved = std::make_unique<char[]>(size);
        bytes.copy(moved.get(), size);
        buffer = std::move(moved);
        state = parse(std::string_view(buffer.get(), size));
    }
    return state;
}

}  // namespace sluice::fuzz
