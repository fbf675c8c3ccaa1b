#include "server/http/head_parser.hpp"

#include "server/http/characters.hpp"

namespace sluice::http {

namespace {

constexpr char tls_handshake = 0x16;  // RFC 8446 5.1: the content type that every ClientHello begins with

KnownField known(std::string_view name) {
    switch (name.size()) {
        case 4:
            return equals_ignoring_case(name, "host") ? KnownField::host : KnownField::other;
        case 6:
            return equals_ignoring_case(name, "expect") ? KnownField::expect : KnownField::other;
        case 10:
            return equals_ignoring_case(name, "connection") ? KnownField::connection : KnownField::other;
        case 14:
            return equals_ignoring_case(name, "content-length") ? KnownField::content_length : KnownField::other;
        case 17:
            return equals_ignoring_case(name, "transfer-encoding") ? KnownField::transfer_encoding : KnownField::other;
        default:
            return KnownField::other;
    }
}

/// Calls `take` with each element of a comma-separated list, without the blanks around it.
template <class Take>
void for_each_element(std::string_view list, Take take) {
    for (;;) {
        std::size_t const comma = list.find(',');
        take(trim_blanks(list.substr(0, comma)));
        if (comma == std::string_view::npos) return;
        list.remove_prefix(comma + 1);
    }
}

}  // namespace

HeadError Framing::add(KnownField field, std::string_view value) {
    switch (field) {
        case KnownField::content_length:
            return add_length(value);
        case KnownField::transfer_encoding:
            return add_coding(value);
        case KnownField::connection:
            return add_connection(value);
        default:
            return HeadError::none;
    }
}

/// At most 18 digits: no sum or signed 64-bit number downstream can overflow, and no neighbour can see another number.
HeadError Framing::add_length(std::string_view value) {
    if (has_length || has_coding) return HeadError::conflicting_length;
    if (value.empty() || value.size() > 18) return HeadError::bad_content_length;
    std::uint64_t number = 0;
    for (char c : value) {
        if (!is_digit(c)) return HeadError::bad_content_length;
        number = number * 10 + static_cast<std::uint64_t>(c - '0');
    }
    has_length = true;
    length = number;
    return HeadError::none;
}

HeadError Framing::add_coding(std::string_view value) {
    if (has_length) return HeadError::conflicting_length;
    if (has_coding || minor_version == 0) return HeadError::bad_transfer_encoding;
    bool malformed = false;
    bool unknown = false;
    bool chunked_before = false;
    for_each_element(value, [&malformed, &unknown, &chunked_before](std::string_view coding) {
        if (chunked_before || !is_token(coding)) malformed = true;  // chunked can only be the last, and only once
        if (equals_ignoring_case(coding, "chunked")) {
            chunked_before = true;
        } else {
            unknown = true;
        }
    });
    if (malformed) return HeadError::bad_transfer_encoding;
    if (unknown) return HeadError::unknown_transfer_encoding;
    has_coding = true;
    return HeadError::none;
}

/// RFC 9110 5.6.1 lets elements be empty. Anything else that is no token leaves the life of the connection in doubt.
HeadError Framing::add_connection(std::string_view value) {
    HeadError error = HeadError::none;
    for_each_element(value, [this, &error](std::string_view option) {
        if (!option.empty() && !is_token(option)) error = HeadError::bad_header;
        if (equals_ignoring_case(option, "close")) close = true;
        if (equals_ignoring_case(option, "keep-alive")) keep_alive = true;
    });
    return error;
}

HeadState HeadParser::advance(std::string_view buffered) {
    if (phase_ == Phase::failed) return HeadState::error;
    while (phase_ != Phase::complete) {
        HeadState const end = find_line_end(buffered);
        if (end != HeadState::complete) return end;
        std::string_view const line = buffered.substr(line_begin_, scanned_ - line_begin_);
        if (HeadError const error = take_line(line); error != HeadError::none) return fail(error);
        scanned_ += 2;
        line_begin_ = scanned_;
    }
    return HeadState::complete;
}

HeadState HeadParser::find_line_end(std::string_view buffered) {
    std::string_view const window = buffered.substr(0, limits_.head);
    if (window.size() > line_begin_) {
        char const first = window[line_begin_];
        if (line_begin_ == 0 && first == tls_handshake) return fail(HeadError::tls_bytes);
        if (phase_ == Phase::fields && is_blank(first)) return fail(HeadError::folded);
    }
    scanned_ = find_control(window, scanned_);
    if (phase_ == Phase::first_line) {
        HeadError const error = check_first_line(window.substr(line_begin_, scanned_ - line_begin_));
        if (error != HeadError::none) return fail(error);
    }
    if (scanned_ < window.size()) {
        if (HeadError const error = judge_line_end(window); error != HeadError::none) return fail(error);
        if (scanned_ + 1 < window.size()) return HeadState::complete;
    }
    return window.size() == limits_.head ? fail(HeadError::head_too_large) : HeadState::need_more;
}

/// A line ends with CR LF; any other control byte at scanned_ is an error. A CR at the very end has to wait.
HeadError HeadParser::judge_line_end(std::string_view buffered) const {
    char const found = buffered[scanned_];
    if (found == '\n') return HeadError::bare_lf;
    if (found != '\r') return HeadError::control_byte;
    bool const bare = scanned_ + 1 < buffered.size() && buffered[scanned_ + 1] != '\n';
    return bare ? HeadError::bare_lf : HeadError::none;
}

HeadError HeadParser::take_line(std::string_view line) {
    if (phase_ == Phase::first_line) {
        if (line.empty() && empty_lines_seen_ < empty_lines_) {
            ++empty_lines_seen_;
            return HeadError::none;
        }
        phase_ = Phase::fields;
        return take_first_line(line, line_begin_);
    }
    if (!line.empty()) return add_field(line);
    phase_ = Phase::complete;
    return take_end();
}

HeadError HeadParser::add_field(std::string_view line) {
    if (spans_.size() == limits_.fields) return HeadError::too_many_fields;
    std::size_t const colon = count_in(token_bytes, line);
    if (colon == 0 || colon == line.size() || line[colon] != ':') return HeadError::bad_header;
    std::string_view const name = line.substr(0, colon);
    std::string_view const value = trim_blanks(line.substr(colon + 1));
    std::size_t const value_begin = value.empty() ? line.size() : static_cast<std::size_t>(value.data() - line.data());
    FieldSpan& span = spans_.emplace_back();  // filled in place: from a temporary the copy waits for its four stores
    span.name = Span(line_begin_, colon);
    span.value = Span(line_begin_ + value_begin, value.size());
    KnownField const field = known(name);
    if (field == KnownField::other) return HeadError::none;
    if (HeadError const error = framing_.add(field, value); error != HeadError::none) return error;
    return take_field(field, value);
}

HeadState HeadParser::fail(HeadError error) {
    phase_ = Phase::failed;
    error_ = error;
    return HeadState::error;
}

void HeadParser::start_again() {
    framing_ = Framing{};
    empty_lines_seen_ = 0;
    phase_ = Phase::first_line;
    error_ = HeadError::none;
    line_begin_ = 0;
    scanned_ = 0;
    spans_.clear();
}

void HeadParser::bind_fields(std::string_view buffered, std::vector<Field>& fields) const {
    fields.resize(spans_.size());
    for (std::size_t i = 0; i < spans_.size(); ++i)
        fields[i] = {spans_[i].name.of(buffered), spans_[i].value.of(buffered)};
}

}  // namespace sluice::http
