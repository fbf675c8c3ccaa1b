#include "event_check.hpp"

#include <charconv>

namespace sluice::bench {
namespace {

/// The decimal number after the first `mark` in `text`. A mark may be followed by a quote: numbers as strings count.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view mark) {
    if (mark.empty()) return std::nullopt;
    auto at = text.find(mark);
    if (at == text.npos) return std::nullopt;
    auto const* begin = text.data() + at + mark.size();
    auto const* end = text.data() + text.size();
    while (begin != end && (*begin == ' ' || *begin == '"')) ++begin;
    std::uint64_t number = 0;
    auto [after, failure] = std::from_chars(begin, end, number);
    if (failure != std::errc{}) return std::nullopt;
    return number;
}

}  // namespace

void EventCheck::start(Clock::time_point sent) {
    last_ = sent;
    events_ = deltas_ = contents_ = 0;
    number_.reset();
    partial_.clear();
    has_data_ = done_ = false;
}

void EventCheck::finish() { ++tally_.contents[contents_]; }

void EventCheck::feed(std::string_view piece, Clock::time_point now) {
    auto const before = events_;
    while (!piece.empty()) {
        auto end = piece.find('\n');
        if (end == piece.npos) {
            partial_ += piece;
            break;
        }
        if (partial_.empty()) {
            take_line(piece.substr(0, end), now);
        } else {
            partial_ += piece.substr(0, end);
            take_line(partial_, now);
            partial_.clear();
        }
        piece.remove_prefix(end + 1);
    }
    if (events_ == before) return;
    // Several pieces of one reading have the same time and count once.
    if (before != 0 && now == last_) return;
    (before == 0 ? tally_.first_event : tally_.between_events).add(now - last_);
    last_ = now;
}

void EventCheck::take_line(std::string_view line, Clock::time_point now) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) {
        if (has_data_) {
            ++events_;
            ++tally_.events;
        }
        has_data_ = false;
    } else if (line.starts_with("data:")) {
        line.remove_prefix(line.starts_with("data: ") ? 6 : 5);
        take_data(line, now);
    } else if (line.front() == ':') {
        ++tally_.comments;
    }
}

void EventCheck::take_data(std::string_view data, Clock::time_point now) {
    if (data == "[DONE]") {
        done_ = true;
        return;
    }
    has_data_ = true;
    if (data.starts_with("{\"error\"")) ++tally_.error_events;
    take_content(data);
    if (auto number = number_after(data, options_.sequence_after)) check_number(*number);
    if (auto sent = number_after(data, options_.stamp_after)) {
        tally_.transit.add(now.time_since_epoch() - std::chrono::nanoseconds(*sent));
    }
}

/// FNV-1a over the contents, as they are written: whoever drops, repeats or swaps one ends at another number.
void EventCheck::take_content(std::string_view data) {
    constexpr std::string_view mark = "\"content\":\"";
    auto at = data.find(mark);
    if (at == data.npos) return;
    auto const begin = at + mark.size();
    auto end = data.find('"', begin);
    while (end != data.npos && data[end - 1] == '\\') end = data.find('"', end + 1);
    if (end == data.npos || end == begin) return;
    ++deltas_;
    ++tally_.deltas;
    for (char c : data.substr(begin, end - begin))
        contents_ = (contents_ ^ static_cast<unsigned char>(c)) * 1099511628211U;
    contents_ = contents_ * 31 + 1;  // where one ends and the next begins counts, too
}

void EventCheck::check_number(std::uint64_t number) {
    ++tally_.numbered;
    if (number_) {
        if (number == *number_)
            ++tally_.repeated;
        else if (number < *number_)
            ++tally_.reordered;
        else
            tally_.lost += number - *number_ - 1;
    } else if (number > 1) {
        tally_.lost += number - 1;
    }
    number_ = number;
}

}  // namespace sluice::bench
