#include "tests/fuzz/strict_http.hpp"

#include <algorithm>
#include <map>

namespace sluice::fuzz {
namespace {

using std::string;
using std::string_view;

constexpr string_view digits = "0123456789";
constexpr string_view hex_digits = "0123456789abcdefABCDEF";
constexpr string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool made_of(string_view text, std::initializer_list<string_view> sets) {
    return std::all_of(text.begin(), text.end(), [sets](char c) {
        return std::any_of(sets.begin(), sets.end(), [c](string_view set) { return set.contains(c); });
    });
}

bool is_token(string_view text) { return !text.empty() && made_of(text, {letters, digits, "!#$%&'*+-.^_`|~"}); }

/// RFC 9110 5.5 with obs-text, and no other control byte than HTAB.
bool is_text(string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 127; });
}

string_view trimmed(string_view text) {
    auto const first = text.find_first_not_of(" \t");
    return first == string_view::npos ? string_view() : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

string small(string_view text) {
    string out(text);
    for (char& c : out) {
        if (auto const at = letters.find(c); at != string_view::npos) c = letters[at % 26];
    }
    return out;
}

std::vector<string_view> split(string_view text, string_view separator) {
    std::vector<string_view> parts;
    for (auto at = text.find(separator); at != string_view::npos; at = text.find(separator)) {
        parts.push_back(text.substr(0, at));
        text.remove_prefix(at + separator.size());
    }
    parts.push_back(text);
    return parts;
}

bool is_port(string_view text) {
    return !text.empty() && text.size() <= 5 && made_of(text, {digits}) && std::stoul(string(text)) < 65'536;
}

bool is_ipv4(string_view text) {
    auto const parts = split(text, ".");
    return parts.size() == 4 && std::all_of(parts.begin(), parts.end(), [](string_view part) {
               bool const short_enough = !part.empty() && part.size() <= 3 && made_of(part, {digits});
               return short_enough && (part.size() == 1 || part[0] != '0') && std::stoul(string(part)) < 256;
           });
}

/// Groups between colons on one side of a `::`: how many 16-bit words they are, or nothing.
std::optional<std::size_t> words_of(string_view side, bool is_last) {
    if (side.empty()) return 0;
    auto const groups = split(side, ":");
    std::size_t words = 0;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        if (is_last && i + 1 == groups.size() && is_ipv4(groups[i])) {
            words += 2;
        } else if (!groups[i].empty() && groups[i].size() <= 4 && made_of(groups[i], {hex_digits})) {
            words += 1;
        } else {
            return std::nullopt;
        }
    }
    return words;
}

/// RFC 4291 2.2, without a zone.
bool is_ipv6(string_view text) {
    auto const sides = split(text, "::");
    if (sides.size() == 1) return words_of(text, true) == 8;
    if (sides.size() != 2) return false;
    auto const before = words_of(sides[0], false);
    auto const after = words_of(sides[1], true);
    return before && after && *before + *after <= 7;
}

/// The lines of a head without their ends; nothing if it is not whole, too large or has a line end of another kind.
std::optional<std::vector<string_view>> lines_of(string_view bytes, std::size_t limit, std::size_t& size) {
    auto const end = bytes.find("\r\n\r\n");
    if (end == string_view::npos || size + end + 4 > limit) return std::nullopt;
    size += end + 4;
    auto lines = split(bytes.substr(0, end), "\r\n");
    bool const clean = std::all_of(lines.begin(), lines.end(), is_text);
    return clean ? std::optional(lines) : std::nullopt;
}

bool take_fields(std::vector<string_view> const& lines, std::size_t limit, StrictHead& head) {
    if (lines.size() - 1 > limit) return false;
    for (std::size_t i = 1; i < lines.size(); ++i) {
        auto const colon = lines[i].find(':');
        if (colon == string_view::npos || !is_token(lines[i].substr(0, colon))) return false;
        head.fields.emplace_back(lines[i].substr(0, colon), trimmed(lines[i].substr(colon + 1)));
    }
    return true;
}

/// What counts for framing, by small name, in order.
using Values = std::multimap<string, string>;

Values values_of(StrictHead const& head) {
    Values values;
    for (auto const& [name, value] : head.fields) values.emplace(small(name), value);
    return values;
}

/// Of the message as such; an answer's status may still say otherwise.
bool take_framing(Values const& values, StrictHead& head) {
    auto const lengths = values.count("content-length");
    auto const codings = values.count("transfer-encoding");
    if (lengths + codings > 1) return false;
    if (codings == 1) {
        if (head.minor_version == 0 || small(values.find("transfer-encoding")->second) != "chunked") return false;
        head.body = http::BodyKind::chunked;
    }
    if (lengths == 1) {
        auto const& text = values.find("content-length")->second;
        if (text.empty() || text.size() > 18 || !made_of(text, {digits})) return false;
        head.length = std::stoull(text);
        if (head.length > 0) head.body = http::BodyKind::length;
    }
    bool close = false;
    bool keep = head.minor_version == 1;
    for (auto [at, end] = values.equal_range("connection"); at != end; ++at) {
        for (auto const element : split(at->second, ",")) {
            auto const option = small(trimmed(element));
            if (!option.empty() && !is_token(option)) return false;
            close = close || option == "close";
            keep = keep || option == "keep-alive";
        }
    }
    head.keep_alive = keep && !close;
    return true;
}

/// Cuts the scheme and the host off an absolute target.
bool take_target(string_view target, StrictHead& head) {
    head.target = target;
    constexpr string_view others = "!$%&'()*+,-./:;=?@[]^_`{|}~";
    if (target.empty() || !made_of(target, {letters, digits, others})) return false;
    if (head.method == "CONNECT") {
        auto const colon = target.rfind(':');
        return colon != string_view::npos && strict_authority(target) && is_port(target.substr(colon + 1));
    }
    if (target == "*") return head.method == "OPTIONS";
    if (target[0] == '/') return true;
    auto const scheme = target.find("://");
    if (scheme == string_view::npos) return false;
    if (auto const name = small(target.substr(0, scheme)); name != "http" && name != "https") return false;
    target.remove_prefix(scheme + 3);
    auto const authority = std::min(target.find_first_of("/?"), target.size());
    head.target = authority == target.size() ? "/" : target.substr(authority);
    return strict_authority(target.substr(0, authority));
}

bool take_request_line(string_view line, std::size_t longest_target, StrictHead& head) {
    auto const words = split(line, " ");
    if (words.size() != 3 || !is_token(words[0]) || words[0].size() > 32) return false;
    if (words[2] != "HTTP/1.0" && words[2] != "HTTP/1.1") return false;
    head.method = words[0];
    head.minor_version = words[2].back() - '0';
    return words[1].size() <= longest_target && take_target(words[1], head);
}

bool take_status_line(string_view line, StrictHead& head) {
    if (!line.starts_with("HTTP/1.0 ") && !line.starts_with("HTTP/1.1 ")) return false;
    auto const status = line.substr(9, 3);
    if (status.size() != 3 || !made_of(status, {digits}) || status[0] < '1' || status[0] > '5') return false;
    if (line.size() > 12 && line[12] != ' ') return false;
    head.minor_version = line[7] - '0';
    head.status = std::stoi(string(status));
    head.reason = line.substr(std::min<std::size_t>(13, line.size()));
    return true;
}

/// A line of a chunked body: eats the grammar of RFC 9112 7.1.1 off its front.
struct Line {
    string_view rest;

    bool eat(char c) {
        if (!rest.starts_with(c)) return false;
        rest.remove_prefix(1);
        return true;
    }
    void eat_blanks() { rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size())); }
    bool eat_token() {
        auto const begin = rest;
        while (!rest.empty() && is_token(rest.substr(0, 1))) rest.remove_prefix(1);
        return rest.size() < begin.size();
    }
    bool eat_quoted() {
        while (!rest.empty() && rest[0] != '"') rest.remove_prefix(rest[0] == '\\' && rest.size() > 1 ? 2 : 1);
        return eat('"');
    }
    bool eat_extension() {
        eat_blanks();
        if (!eat(';')) return false;
        eat_blanks();
        if (!eat_token()) return false;
        Line value{rest};
        value.eat_blanks();
        if (!value.eat('=')) return true;
        value.eat_blanks();
        bool const good = value.eat('"') ? value.eat_quoted() : value.eat_token();
        rest = value.rest;
        return good;
    }
};

/// False if the line is none; `size` is the number of bytes announced.
bool parse_size_line(string_view text, std::uint64_t& size) {
    auto const count = std::min(text.find_first_not_of(hex_digits), text.size());
    if (count == 0 || count > 15 || !is_text(text)) return false;
    size = std::stoull(string(text.substr(0, count)), nullptr, 16);
    Line line{text.substr(count)};
    while (!line.rest.empty()) {
        if (!line.eat_extension()) return false;
    }
    return true;
}

bool is_trailer(string_view text) {
    Line line{text};
    return line.eat_token() && line.eat(':') && is_text(line.rest);
}

}  // namespace

bool strict_authority(string_view text) {
    std::size_t host = text.find(':');
    if (text.starts_with('[')) {
        auto const bracket = text.find(']');
        if (bracket == string_view::npos || !is_ipv6(text.substr(1, bracket - 1))) return false;
        host = bracket + 1;
    } else if (host == 0 || text.empty() || !made_of(text.substr(0, host), {letters, digits, "-._~"})) {
        return false;
    }
    return host >= text.size() || (text[host] == ':' && is_port(text.substr(host + 1)));
}

std::optional<StrictHead> strict_request(string_view bytes, http::HeadLimits const& limits) {
    StrictHead head;
    if (bytes.starts_with("\r\n")) head.size = 2;  // RFC 9112 2.2: one, behind the body of an older client
    auto const lines = lines_of(bytes.substr(head.size), limits.head, head.size);
    if (!lines || !take_request_line(lines->front(), limits.target, head)) return std::nullopt;
    if (!take_fields(*lines, limits.fields, head)) return std::nullopt;
    auto const values = values_of(head);
    auto const hosts = values.count("host");
    if (hosts > 1 || (hosts == 0 && head.minor_version == 1)) return std::nullopt;
    if (hosts == 1 && !strict_authority(values.find("host")->second)) return std::nullopt;
    return take_framing(values, head) ? std::optional(head) : std::nullopt;
}

std::optional<StrictHead> strict_response(string_view bytes, http::HeadLimits const& limits, bool to_head) {
    StrictHead head;
    auto const lines = lines_of(bytes, limits.head, head.size);
    if (!lines || !take_status_line(lines->front(), head)) return std::nullopt;
    if (!take_fields(*lines, limits.fields, head)) return std::nullopt;
    auto const values = values_of(head);
    if (!take_framing(values, head)) return std::nullopt;
    if (head.status < 200 || head.status == 204) {
        return head.body == http::BodyKind::none ? std::optional(head) : std::nullopt;
    }
    if (to_head || head.status == 304) {
        head.body = http::BodyKind::none;
    } else if (head.body == http::BodyKind::none && !values.contains("content-length")) {
        head.body = http::BodyKind::until_close;
        head.keep_alive = false;
    }
    return head;
}

StrictChunks strict_chunks(string_view wire) {
    using End = StrictChunks::End;
    StrictChunks decoded;
    string_view rest = wire;
    auto const finish = [&decoded, &rest, wire](End end) {
        decoded.end = end;
        decoded.consumed = wire.size() - rest.size();
        return decoded;
    };
    bool trailers = false;
    for (;;) {
        auto const end = rest.find("\r\n");
        if (end == string_view::npos) return finish(End::incomplete);
        auto const line = rest.substr(0, end);
        std::uint64_t size = 0;
        if (trailers && !line.empty() && !is_trailer(line)) return finish(End::error);
        if (!trailers && !parse_size_line(line, size)) return finish(End::error);
        rest.remove_prefix(end + 2);
        if (trailers && line.empty()) return finish(End::done);
        trailers = trailers || size == 0;
        if (trailers) continue;
        decoded.payload += rest.substr(0, size);
        if (rest.size() < size + 2) return finish(End::incomplete);
        if (rest.substr(size, 2) != "\r\n") return finish(End::error);
        rest.remove_prefix(size + 2);
    }
}

}  // namespace sluice::fuzz
