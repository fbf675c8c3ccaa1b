#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/result.hpp"

namespace sluice {

/// One event of an upstream's stream. Comments, `id` and `retry` are gone: they are no business of our clients.
struct SseEvent {
    std::string_view data;  ///< the values of its `data` lines, joined by LF; empty also if there is none
    std::string_view type;  ///< of its last `event` line; empty means "message"
    /// The event as it came, blank line included, when it may be relayed so: nothing but `data:` lines, ended by LF.
    /// Empty when it must be written anew (sse_writer.hpp), so that relayed bytes do not depend on where a stream was
    /// cut.
    std::string_view raw;
    /// From the first line that has no field name but begins like JSON ('{' or '[') to the event's end. Some servers
    /// put a line of NDJSON into a stream.
    std::string_view stray;
    friend bool operator==(SseEvent const&, SseEvent const&) = default;
};

/// Splits a stream into events by the rules of the WHATWG ("Server-sent events", 9.2.6): lines end with LF, CRLF or CR,
/// a byte order mark may stand at the very start. Bytes are copied only of events that are cut between two pieces.
class SseParser {
public:
    explicit SseParser(std::size_t max_event_size = 1024 * 1024) : max_event_size_(max_event_size) {}

    /// Appends the events that `piece` completes to `out`. `piece` may end anywhere, even inside a UTF-8 character or
    /// between CR and LF. Views hold until the next call, and while `piece` lives. Errors: upstream_invalid_response
    /// for an event over the limit; what came before it is in `out`, and nothing may be fed any more.
    Result<> feed(std::string_view piece, std::vector<SseEvent>& out);

    /// Like feed(), but `raw` of all events since forget() holds, also of those from calls before.
    Result<> feed_on(std::string_view piece, std::vector<SseEvent>& out);

    /// Nobody looks at earlier events any more.
    void forget();

    /// Whether the next byte begins an event, or the blank lines and comments before one.
    bool is_between_events() const {
        return unfinished_.empty() && line_empty_ && !after_cr_ && mark_ == byte_order_mark.size();
    }

    std::size_t max_event_size() const { return max_event_size_; }

    /// The stream ended. An event that lacks its blank line is appended too; who wants it must check that it is whole.
    void finish(std::vector<SseEvent>& out);

private:
    static constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

    std::string_view without_mark(std::string_view piece);
    /// Whether what stands in `part` (and before it in `unfinished_`) is done with.
    bool end_line(std::string_view part, bool blank, std::vector<SseEvent>& out);
    void end_event(std::string_view last_part, std::vector<SseEvent>& out);
    void append_parsed(std::string_view raw, std::vector<SseEvent>& out);
    void add_data(SseEvent& event, std::string_view value);

    std::size_t max_event_size_;
    std::string unfinished_;   ///< what earlier pieces brought of the current event
    std::string finished_;     ///< the one event of the current call that was cut
    std::string joined_;       ///< data of events with several data lines; never grows within a call
    std::size_t largest_ = 0;  ///< bytes of the largest event or comment of the current call
    std::size_t piece_size_ = 0;
    std::size_t mark_ = 0;        ///< bytes of the byte order mark seen; its length: that is over
    std::size_t data_lines_ = 0;  ///< of the event that is being parsed
    bool line_empty_ = true;      ///< the current line has no byte yet
    bool after_cr_ = false;       ///< a LF now belongs to the line end before it
    bool only_comments_ = true;   ///< the current event has no other line yet
};

}  // namespace sluice
