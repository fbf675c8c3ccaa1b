#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/types/clock.hpp"
#include "core/types/money.hpp"

namespace sluice::observe {

/// The longest text of somebody else's that goes into a log field; more is cut off at a character.
inline constexpr std::size_t most_text = 256;

/// Appends `text` as a JSON string, clipped to `most_text` bytes. Plain ASCII is copied as it is.
void append_json_text(std::string& out, std::string_view text);

/// `text` clipped to `most_text` bytes, not inside a UTF-8 character.
std::string_view clipped(std::string_view text);

template <std::integral Number>
void append_number(std::string& out, Number value) {
    std::array<char, 24> room{};
    auto const end = std::to_chars(room.data(), room.data() + room.size(), value).ptr;
    out.append(room.data(), static_cast<std::size_t>(end - room.data()));
}

/// Exact decimals without trailing zeros: 1'500 thousandths are "1.5".
void append_decimal(std::string& out, std::int64_t count, unsigned digits);

/// US dollars with up to nine decimals.
inline void append_usd(std::string& out, NanoUsd amount) { append_decimal(out, amount.count, 9); }

/// Milliseconds with up to three decimals.
void append_ms(std::string& out, Duration duration);

/// Appends the members of one JSON object to a string that somebody else owns. Keys are ours and need no escaping.
class JsonLine {
public:
    explicit JsonLine(std::string& out) : out_(out) { out_ += '{'; }

    void text(std::string_view key, std::string_view value) {
        name(key);
        append_json_text(out_, value);
    }
    void text_if_any(std::string_view key, std::string_view value) {
        if (!value.empty()) text(key, value);
    }
    /// For values that need no escaping.
    void plain(std::string_view key, std::string_view value) {
        name(key);
        out_.append("\"").append(value).append("\"");
    }
    template <std::integral Number>
    void number(std::string_view key, Number value) {
        name(key);
        append_number(out_, value);
    }
    void flag(std::string_view key, bool value) {
        name(key);
        out_ += value ? "true" : "false";
    }
    void ms(std::string_view key, Duration value) {
        name(key);
        append_ms(out_, value);
    }
    /// Starts a member; its value is for the caller to append.
    std::string& name(std::string_view key) {
        if (!first_) out_ += ',';
        first_ = false;
        out_.append("\"").append(key).append("\":");
        return out_;
    }
    void end() { out_ += '}'; }

private:
    std::string& out_;
    bool first_ = true;
};

}  // namespace sluice::observe
