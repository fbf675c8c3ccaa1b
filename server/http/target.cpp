#include "server/http/target.hpp"

#include <algorithm>

#include "server/http/characters.hpp"

namespace sluice::http {

namespace {

/// The byte that the escape at the front of `text` stands for, or -1. Control bytes, and so NUL, count as broken.
int escaped_byte(std::string_view text) {
    if (text.size() < 3) return -1;
    int const high = hex_value(text[1]);
    int const low = hex_value(text[2]);
    if (high < 0 || low < 0) return -1;
    int const byte = high * 16 + low;
    return byte < 0x20 || byte == 0x7F ? -1 : byte;
}

bool escapes_are_whole(std::string_view text) {
    for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 3)) {
        if (escaped_byte(text.substr(at)) < 0) return false;
    }
    return true;
}

/// `.`, `..`, `%2e`, `.%2E` and so on. Expects whole escapes.
bool is_dot_segment(std::string_view segment) {
    std::size_t dots = 0;
    while (!segment.empty() && dots < 3) {
        bool const escaped = segment.front() == '%';
        if ((escaped ? escaped_byte(segment) : segment.front()) != '.') return false;
        segment.remove_prefix(escaped ? 3 : 1);
        ++dots;
    }
    return segment.empty() && (dots == 1 || dots == 2);
}

bool has_dot_segment(std::string_view path) {
    if (path.find('.') == std::string_view::npos && path.find('%') == std::string_view::npos) return false;
    for (;;) {
        std::size_t const slash = path.find('/');
        if (is_dot_segment(path.substr(0, slash))) return true;
        if (slash == std::string_view::npos) return false;
        path.remove_prefix(slash + 1);
    }
}

std::string_view without_doubled_slashes(std::string_view path, std::string& scratch) {
    if (path.find("//") == std::string_view::npos) return path;
    auto const both_slashes = [](char a, char b) { return a == '/' && b == '/'; };
    scratch.clear();
    std::unique_copy(path.begin(), path.end(), std::back_inserter(scratch), both_slashes);
    return scratch;
}

}  // namespace

std::expected<NormalPath, TargetError> normalise(std::string_view target, std::string& scratch) {
    std::size_t const mark = std::min(target.find('?'), target.size());
    std::string_view path = target.substr(0, mark);
    std::string_view const query = target.substr(std::min(mark + 1, target.size()));
    if (path.empty() && mark < target.size()) path = "/";  // of an absolute target: http://host?query
    if (!path.starts_with('/')) return std::unexpected(TargetError::no_path);
    if (!escapes_are_whole(path)) return std::unexpected(TargetError::bad_escape);
    if (has_dot_segment(path)) return std::unexpected(TargetError::dot_segment);
    path = without_doubled_slashes(path, scratch);
    if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    return NormalPath{path, query};
}

std::expected<std::string, TargetError> decode_id(std::string_view raw) {
    if (!escapes_are_whole(raw)) return std::unexpected(TargetError::bad_escape);
    std::string id;
    id.reserve(raw.size());
    for (std::size_t at = 0; at < raw.size();) {
        bool const escaped = raw[at] == '%';
        id.push_back(static_cast<char>(escaped ? escaped_byte(raw.substr(at)) : raw[at]));
        at += escaped ? 3 : 1;
    }
    for (std::size_t begin = 0; begin <= id.size();) {
        std::size_t const end = std::min(id.find('/', begin), id.size());
        std::string_view const segment = std::string_view(id).substr(begin, end - begin);
        if (segment == "." || segment == "..") return std::unexpected(TargetError::dot_segment);
        begin = end + 1;
    }
    return id;
}

}  // namespace sluice::http
