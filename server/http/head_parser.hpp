#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "server/http/head.hpp"

namespace sluice::http {

/// Where a piece of text lies in the buffered bytes: below 4 GiB, as every limit is. The buffer may move between two
/// reads, so no view is kept.
struct Span {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;

    Span() = default;
    Span(std::size_t from, std::size_t length)
        : begin(static_cast<std::uint32_t>(from)), size(static_cast<std::uint32_t>(length)) {}
    std::string_view of(std::string_view buffered) const {
        assert(begin + size <= buffered.size());
        return {buffered.data() + begin, size};
    }
};

/// The fields that decide about framing and are judged while the head arrives.
enum class KnownField : std::uint8_t { other, host, expect, connection, content_length, transfer_encoding };

/// What the fields so far say about the length of the body and the life of the connection.
struct Framing {
    int minor_version = 1;
    bool has_length = false;
    bool has_coding = false;
    bool close = false;
    bool keep_alive = false;
    std::uint64_t length = 0;

    HeadError add(KnownField field, std::string_view value);
    /// What the sender wishes; whether the body allows it is another question.
    bool wants_keep_alive() const { return !close && (minor_version == 1 || keep_alive); }

private:
    HeadError add_length(std::string_view value);
    HeadError add_coding(std::string_view value);
    HeadError add_connection(std::string_view value);
};

/// What requests and responses share: the walk over the lines, with every limit. Each byte is looked at once, however
/// it arrives, and the verdict depends on the bytes alone, never on how they were cut.
class HeadParser {
public:
    HeadError error() const { return error_; }

protected:
    /// `empty_lines`: how many may stand before the first line.
    HeadParser(HeadLimits limits, int empty_lines) : limits_(limits), empty_lines_(empty_lines) {
        spans_.reserve(usual_fields);
    }
    HeadParser(HeadParser const&) = default;
    HeadParser(HeadParser&&) = default;
    HeadParser& operator=(HeadParser const&) = default;
    HeadParser& operator=(HeadParser&&) = default;
    ~HeadParser() = default;

    HeadState advance(std::string_view buffered);
    void start_again();
    void bind_fields(std::string_view buffered, std::vector<Field>& fields) const;
    HeadLimits const& limits() const { return limits_; }
    std::size_t head_size() const { return line_begin_; }

    Framing framing_;

private:
    struct FieldSpan {
        Span name;
        Span value;
    };
    static constexpr std::size_t usual_fields = 16;
    enum class Phase : std::uint8_t { first_line, fields, complete, failed };

    /// Judges the first line before its end is here: `prefix` has no control byte in it.
    virtual HeadError check_first_line(std::string_view prefix) const = 0;
    /// `offset` is where `line` begins in the buffered bytes.
    virtual HeadError take_first_line(std::string_view line, std::size_t offset) = 0;
    virtual HeadError take_field(KnownField field, std::string_view value) = 0;
    /// After the blank line.
    virtual HeadError take_end() = 0;

    /// Moves scanned_ to the end of the current line. need_more, error, or complete: the line is whole.
    HeadState find_line_end(std::string_view buffered);
    HeadError judge_line_end(std::string_view buffered) const;
    HeadError take_line(std::string_view line);
    HeadError add_field(std::string_view line);
    HeadState fail(HeadError error);

    HeadLimits limits_;
    int empty_lines_ = 0;
    int empty_lines_seen_ = 0;
    Phase phase_ = Phase::first_line;
    HeadError error_ = HeadError::none;
    std::size_t line_begin_ = 0;
    std::size_t scanned_ = 0;  ///< no control byte between line_begin_ and here
    std::vector<FieldSpan> spans_;
};

}  // namespace sluice::http
