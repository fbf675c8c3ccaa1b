#include "server/http/response_head.hpp"

#include <algorithm>
#include <utility>

#include "server/http/characters.hpp"

namespace sluice::http {

namespace {

constexpr std::string_view status_line_start = "HTTP/";

/// RFC 9110 15.2, 15.3.5: these end with their blank line, and may say nothing about the length of a body.
bool never_has_body(int status) { return status < 200 || status == 204; }

}  // namespace

HeadState ResponseHeadParser::parse(std::string_view buffered, Asked asked) {
    asked_ = asked;
    HeadState const state = advance(buffered);
    if (state != HeadState::complete) return state;
    head_.size = head_size();
    head_.reason = reason_.of(buffered);
    bind_fields(buffered, head_.fields);
    return state;
}

void ResponseHeadParser::reset() {
    start_again();
    auto fields = std::move(head_.fields);
    fields.clear();
    head_ = ResponseHead{};
    head_.fields = std::move(fields);
}

HeadError ResponseHeadParser::check_first_line(std::string_view prefix) const {
    std::size_t const compared = std::min(prefix.size(), status_line_start.size());
    bool const same = prefix.substr(0, compared) == status_line_start.substr(0, compared);
    return same ? HeadError::none : HeadError::bad_status_line;
}

/// `HTTP/1.1 200 OK`. The blank before an empty reason may be missing, as many servers do: no length depends on it.
HeadError ResponseHeadParser::take_first_line(std::string_view line, std::size_t offset) {
    constexpr std::size_t shortest = std::string_view("HTTP/1.1 200").size();
    bool const well_formed = line.size() >= shortest && is_digit(line[5]) && line[6] == '.' && is_digit(line[7]) &&
                             line[8] == ' ' && line[9] >= '1' && line[9] <= '5' && is_digit(line[10]) &&
                             is_digit(line[11]) && (line.size() == shortest || line[shortest] == ' ');
    if (!well_formed) return HeadError::bad_status_line;
    if (line[5] != '1' || line[7] > '1') return HeadError::version_not_supported;
    framing_.minor_version = line[7] - '0';
    head_.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    std::size_t const reason = std::min(shortest + 1, line.size());
    reason_ = Span(offset + reason, line.size() - reason);
    return HeadError::none;
}

HeadError ResponseHeadParser::take_end() {
    head_.minor_version = framing_.minor_version;
    head_.keep_alive = framing_.wants_keep_alive();
    head_.content_length = framing_.length;
    if (never_has_body(head_.status)) {
        if (framing_.has_coding) return HeadError::bad_transfer_encoding;
        return framing_.length > 0 ? HeadError::conflicting_length : HeadError::none;
    }
    if (asked_ == Asked::head || head_.status == 304) return HeadError::none;
    if (framing_.has_coding) {
        head_.body = BodyKind::chunked;
    } else if (framing_.has_length) {
        head_.body = framing_.length > 0 ? BodyKind::length : BodyKind::none;
    } else {
        head_.body = BodyKind::until_close;
        head_.keep_alive = false;
    }
    return HeadError::none;
}

}  // namespace sluice::http
