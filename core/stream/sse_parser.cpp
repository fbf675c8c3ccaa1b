#include "core/stream/sse_parser.hpp"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

constexpr std::size_t kept_capacity = 64 * 1024;  ///< more is given back after a large event

/// Finds line ends in order; every byte is searched once for each of the two.
class LineEnds {
public:
    explicit LineEnds(std::string_view text) : text_(text), lf_(text.find('\n')), cr_(text.find('\r')) {}

    std::size_t from(std::size_t at) {
        if (lf_ < at) lf_ = text_.find('\n', at);
        if (cr_ < at) cr_ = text_.find('\r', at);
        return std::min(lf_, cr_);
    }

private:
    std::string_view text_;
    std::size_t lf_;
    std::size_t cr_;
};

struct Field {
    std::string_view name;
    std::string_view value;
};

Field field_of(std::string_view line) {
    auto const colon = line.find(':');
    if (colon == std::string_view::npos) return {line, {}};
    auto const skipped = line.substr(colon + 1).starts_with(' ') ? 2U : 1U;
    return {line.substr(0, colon), line.substr(colon + skipped)};
}

}  // namespace

Result<> SseParser::feed(std::string_view piece, std::vector<SseEvent>& out) {
    forget();
    return feed_on(piece, out);
}

void SseParser::forget() {
    if (finished_.capacity() > kept_capacity) finished_ = {};
}

Result<> SseParser::feed_on(std::string_view piece, std::vector<SseEvent>& out) {
    joined_.clear();
    largest_ = 0;
    piece = without_mark(piece);
    piece_size_ = piece.size();
    LineEnds ends(piece);
    std::size_t begin = 0;  // of the current event
    for (std::size_t at = 0; at < piece.size() && largest_ <= max_event_size_;) {
        if (std::exchange(after_cr_, false) && piece[at] == '\n') {
            bool const belongs_to_nothing = unfinished_.empty() && begin == at;
            ++at;
            if (belongs_to_nothing) begin = at;
            continue;
        }
        auto const end = ends.from(at);
        bool const blank = line_empty_ && end == at;
        line_empty_ = end != std::string_view::npos;
        if (!line_empty_) break;
        after_cr_ = piece[end] == '\r';
        at = end + 1;
        if (end_line(piece.substr(begin, at - begin), blank, out)) begin = at;
    }
    unfinished_ += piece.substr(begin);
    if (std::max(largest_, unfinished_.size()) <= max_event_size_) return {};
    return std::unexpected(
        Error{.kind = ErrorKind::upstream_invalid_response, .detail = "an event over the size limit"});
}

void SseParser::finish(std::vector<SseEvent>& out) {
    joined_.clear();
    piece_size_ = 0;
    if (only_comments_ && unfinished_.starts_with(':')) return;
    finished_ = std::exchange(unfinished_, {});
    append_parsed(finished_, out);
}

std::string_view SseParser::without_mark(std::string_view piece) {
    while (mark_ < byte_order_mark.size() && !piece.empty()) {
        if (piece.front() != byte_order_mark[mark_]) {
            unfinished_ = byte_order_mark.substr(0, mark_);
            line_empty_ = mark_ == 0;
            mark_ = byte_order_mark.size();
            break;
        }
        ++mark_;
        piece.remove_prefix(1);
    }
    return piece;
}

bool SseParser::end_line(std::string_view part, bool blank, std::vector<SseEvent>& out) {
    if (blank) {
        end_event(part, out);
        return true;
    }
    if (!only_comments_) return false;
    only_comments_ = (unfinished_.empty() ? part : unfinished_).front() == ':';
    if (!only_comments_) return false;
    largest_ = std::max(largest_, unfinished_.size() + part.size());
    unfinished_.clear();
    return true;
}

void SseParser::end_event(std::string_view last_part, std::vector<SseEvent>& out) {
    if (std::exchange(only_comments_, true)) return;
    largest_ = std::max(largest_, unfinished_.size() + last_part.size());
    if (largest_ > max_event_size_) return;
    if (unfinished_.empty()) return append_parsed(last_part, out);
    unfinished_ += last_part;
    std::swap(unfinished_, finished_);
    unfinished_.clear();
    append_parsed(finished_, out);
}

void SseParser::append_parsed(std::string_view raw, std::vector<SseEvent>& out) {
    SseEvent event;
    data_lines_ = 0;
    bool as_it_came = raw.ends_with("\n\n");
    LineEnds ends(raw);
    for (std::size_t at = 0; at < raw.size();) {
        auto const end = std::min(ends.from(at), raw.size());
        auto const line = raw.substr(at, end - at);
        if (end < raw.size() && raw[end] == '\r') as_it_came = false;
        auto const [name, value] = field_of(line);
        if (name == "data") {
            add_data(event, value);
        } else if (!line.empty()) {
            as_it_came = false;
            if (name == "event") event.type = value;
            bool const like_json = line.front() == '{' || line.front() == '[';
            if (like_json && event.stray.empty()) event.stray = raw.substr(at);
        }
        at = end + 1;
    }
    if (as_it_came) event.raw = raw;
    if (data_lines_ > 0 || !event.type.empty() || !event.stray.empty()) out.push_back(event);
}

void SseParser::add_data(SseEvent& event, std::string_view value) {
    if (++data_lines_ == 1) {
        event.data = value;
        return;
    }
    joined_.reserve(piece_size_ + finished_.size());  // all events of a call together are not larger
    auto const begin = data_lines_ == 2 ? joined_.size() : joined_.size() - event.data.size();
    if (data_lines_ == 2) joined_ += event.data;
    joined_ += '\n';
    joined_ += value;
    event.data = std::string_view(joined_).substr(begin);
}

}  // namespace sluice
