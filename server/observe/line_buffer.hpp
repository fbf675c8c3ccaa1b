#pragma once

#include <charconv>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "core/types/clock.hpp"
#include "core/types/money.hpp"

namespace sluice::observe {

/// The longest text of somebody else's that goes into a log field; more is cut off, at a character.
inline constexpr std::size_t most_text = 256;

/// Where a log line grows. It is used again and again, so that a line costs no allocation; one look at the room per
/// value, which is what makes it several times faster than appending to a std::string. One thread's.
class LineBuffer {
public:
    LineBuffer()
        : begin_(std::make_unique_for_overwrite<char[]>(first_size)), at_(begin_.get()), end_(at_ + first_size) {}

    void clear() { at_ = begin_.get(); }
    std::string_view view() const { return {begin_.get(), static_cast<std::size_t>(at_ - begin_.get())}; }

    LineBuffer& raw(std::string_view text) {
        need(text.size());
        put(text);
        return *this;
    }

    template <std::integral Number>
    LineBuffer& number(Number value) {
        need(24);
        at_ = std::to_chars(at_, end_, value).ptr;
        return *this;
    }

    /// Exact, without trailing zeros: 1'500 thousandths (3 digits) are "1.5".
    LineBuffer& decimal(std::int64_t count, unsigned digits);
    /// US dollars with up to nine decimals.
    LineBuffer& usd(NanoUsd amount) { return decimal(amount.count, 9); }
    /// Milliseconds with up to three decimals.
    LineBuffer& ms(Duration duration) {
        return decimal(std::chrono::duration_cast<std::chrono::microseconds>(duration).count(), 3);
    }

    /// A JSON string of `text`, clipped to `most_text` bytes; invalid UTF-8 becomes U+FFFD.
    LineBuffer& json_text(std::string_view text);
    /// `text` for a terminal, clipped: printable ASCII, the rest as '?'.
    LineBuffer& shown(std::string_view text);

    // For JsonLine: after need(n), put() at most n bytes.
    void need(std::size_t count) {
        if (static_cast<std::size_t>(end_ - at_) < count) [[unlikely]]
            grow(count);
    }
    void put(std::string_view text) {
        std::memcpy(at_, text.data(), text.size());
        at_ += text.size();
    }
    void put(char c) { *at_++ = c; }
    bool ends_with(char c) const { return at_ != begin_.get() && at_[-1] == c; }
    void drop_last() { --at_; }

private:
    static constexpr std::size_t first_size = 2048;
    void grow(std::size_t count);

    std::unique_ptr<char[]> begin_;
    char* at_;
    char* end_;
};

/// The members of one JSON object. Keys are ours and need no escaping. Nothing else may be written to the buffer while
/// a member is unfinished.
class JsonLine {
public:
    explicit JsonLine(LineBuffer& out) : out_(out) { out_.raw("{"); }

    void text(std::string_view key, std::string_view value) {
        begin(key);
        out_.json_text(value);
        out_.raw(",");
    }
    void text_if_any(std::string_view key, std::string_view value) {
        if (!value.empty()) text(key, value);
    }
    /// For values that need no escaping.
    void plain(std::string_view key, std::string_view value) {
        begin(key);
        out_.need(value.size() + 3);
        out_.put('"');
        out_.put(value);
        out_.put("\",");
    }
    template <std::integral Number>
    void number(std::string_view key, Number value) {
        begin(key).number(value).raw(",");
    }
    void flag(std::string_view key, bool value) { begin(key).raw(value ? "true," : "false,"); }
    void ms(std::string_view key, Duration value) { begin(key).ms(value).raw(","); }

    /// Starts a member: its value is for the caller to append, then done().
    LineBuffer& begin(std::string_view key) {
        out_.need(key.size() + 3);
        out_.put('"');
        out_.put(key);
        out_.put("\":");
        return out_;
    }
    void done() { out_.raw(","); }

    void end() {
        if (out_.ends_with(',')) out_.drop_last();
        out_.raw("}");
    }

private:
    LineBuffer& out_;
};

}  // namespace sluice::observe
