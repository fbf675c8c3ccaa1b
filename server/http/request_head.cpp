#include "server/http/request_head.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <utility>

#include "server/http/characters.hpp"

namespace sluice::http {

namespace {

constexpr std::size_t longest_method = 32;
constexpr std::string_view version_text = "HTTP/1.1";

bool is_port(std::string_view text) {
    if (text.empty() || text.size() > 5) return false;
    int number = 0;
    for (char c : text) {
        if (!is_digit(c)) return false;
        number = number * 10 + (c - '0');
    }
    return number <= 65535;
}

bool is_ipv6(std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN> copy{};
    // inet_pton would stop at a NUL, and not see what stands behind it.
    if (text.size() >= copy.size() || text.contains('\0')) return false;
    text.copy(copy.data(), text.size());
    in6_addr address{};
    return inet_pton(AF_INET6, copy.data(), &address) == 1;
}

/// The unreserved characters of RFC 3986. Its sub-delims and escapes are left out: no resolver knows such a name, and a
/// comma there is two hosts to somebody.
bool is_host_name(std::string_view text) {
    for (char c : text) {
        char const l = lower(c);
        if (!(l >= 'a' && l <= 'z') && !is_digit(c) && c != '-' && c != '.' && c != '_' && c != '~') return false;
    }
    return !text.empty();
}

HeadError parse_version(std::string_view text, int& minor) {
    bool const well_formed = text.size() == version_text.size() && text.starts_with("HTTP/") && is_digit(text[5]) &&
                             text[6] == '.' && is_digit(text[7]);
    if (!well_formed) return HeadError::bad_request_line;
    if (text[5] != '1' || text[7] > '1') return HeadError::version_not_supported;
    minor = text[7] - '0';
    return HeadError::none;
}

/// The bytes of `http://` or `https://` at the front, or 0.
std::size_t scheme_size(std::string_view target) {
    if (equals_ignoring_case(target.substr(0, 7), "http://")) return 7;
    return equals_ignoring_case(target.substr(0, 8), "https://") ? 8 : 0;
}

}  // namespace

bool is_authority(std::string_view text) {
    std::size_t end = 0;
    if (text.starts_with('[')) {
        std::size_t const bracket = text.find(']');
        if (bracket == std::string_view::npos || !is_ipv6(text.substr(1, bracket - 1))) return false;
        end = bracket + 1;
    } else {
        end = std::min(text.find(':'), text.size());
        if (!is_host_name(text.substr(0, end))) return false;
    }
    return end == text.size() || (text[end] == ':' && is_port(text.substr(end + 1)));
}

HeadState RequestHeadParser::parse(std::string_view buffered) {
    HeadState const state = advance(buffered);
    if (state != HeadState::complete) return state;
    head_.size = head_size();
    head_.method = method_.of(buffered);
    head_.target = target_is_root_ ? std::string_view("/") : target_.of(buffered);
    bind_fields(buffered, head_.fields);
    return state;
}

void RequestHeadParser::reset() {
    start_again();
    auto fields = std::move(head_.fields);
    fields.clear();
    head_ = RequestHead{};
    head_.fields = std::move(fields);
    has_host_ = false;
    target_is_root_ = false;
}

/// Refuses garbage at its first byte, and a target that is too long without waiting for its end: the line is as long as
/// its method, its target, two blanks and the version, so no other check of the length is needed.
HeadError RequestHeadParser::check_first_line(std::string_view prefix) const {
    std::string_view const start = prefix.substr(0, longest_method + 1);
    std::size_t method = 0;
    while (method < start.size() && in(token_bytes, start[method])) ++method;
    bool const ended = method < start.size();
    if (method > longest_method || (ended && (start[method] != ' ' || method == 0))) return HeadError::bad_request_line;
    std::size_t const around_target = method + 2 + version_text.size();
    return prefix.size() > around_target + limits().target ? HeadError::target_too_long : HeadError::none;
}

HeadError RequestHeadParser::take_first_line(std::string_view line, std::size_t offset) {
    std::size_t const first = line.find(' ');
    std::size_t const last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return HeadError::bad_request_line;
    if (line == "PRI * HTTP/2.0") return HeadError::http2_preface;
    std::string_view const method = line.substr(0, first);
    std::string_view const target = line.substr(first + 1, last - first - 1);
    if (target.empty() || !all_in(target_bytes, target)) return HeadError::bad_request_line;
    HeadError const error = parse_version(line.substr(last + 1), framing_.minor_version);
    if (error != HeadError::none) return error;
    method_ = Span(offset, first);
    return take_target(method, target, offset + first + 1);
}

HeadError RequestHeadParser::take_target(std::string_view method, std::string_view target, std::size_t offset) {
    target_ = Span(offset, target.size());
    if (method == "CONNECT") {
        std::size_t const colon = target.rfind(':');
        bool const valid = colon != std::string_view::npos && is_authority(target) && is_port(target.substr(colon + 1));
        return valid ? HeadError::none : HeadError::bad_request_line;
    }
    if (target.front() == '/') return HeadError::none;
    if (target == "*") return method == "OPTIONS" ? HeadError::none : HeadError::bad_request_line;
    std::size_t const scheme = scheme_size(target);
    std::size_t const end = std::min(target.find_first_of("/?", scheme), target.size());
    if (scheme == 0 || !is_authority(target.substr(scheme, end - scheme))) return HeadError::bad_request_line;
    target_ = Span(offset + end, target.size() - end);
    target_is_root_ = end == target.size();
    return HeadError::none;
}

HeadError RequestHeadParser::take_field(KnownField field, std::string_view value) {
    if (field == KnownField::host) {
        if (has_host_) return HeadError::duplicate_host;
        has_host_ = true;
        return is_authority(value) ? HeadError::none : HeadError::bad_host;
    }
    if (field == KnownField::expect) {
        (equals_ignoring_case(value, "100-continue") ? head_.expect_continue : head_.expect_unknown) = true;
    }
    return HeadError::none;
}

HeadError RequestHeadParser::take_end() {
    if (!has_host_ && framing_.minor_version == 1) return HeadError::missing_host;
    head_.minor_version = framing_.minor_version;
    head_.keep_alive = framing_.wants_keep_alive();
    head_.content_length = framing_.length;
    if (framing_.has_coding) {
        head_.body = BodyKind::chunked;
    } else if (framing_.length > 0) {
        head_.body = BodyKind::length;
    }
    if (framing_.minor_version == 0) head_.expect_continue = false;  // RFC 9110 10.1.1: a 1.0 client cannot mean it
    return HeadError::none;
}

}  // namespace sluice::http
