#include "core/json/json_index.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "core/json/json_number.hpp"
#include "core/json/json_string.hpp"

namespace sluice {

/// simdjson's first stage, by itself: it checks UTF-8, raw control characters in strings and the last quote, and lists
/// where tokens begin. (`internal` is its name for this interface; simdjson 3.0.1, Debian 12. On Demand sits on the
/// same stage, but leaves what it skips unchecked, and has no offsets for errors.)
struct JsonIndex::Stage1 {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
    std::size_t capacity = 0;
};

namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/// The length of the UTF-8 sequence at `text[at]`, or 0. Slow; only to say where a text went wrong.
std::size_t sequence_length(std::string_view text, std::size_t at) {
    auto const byte = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    auto const lead = byte(at);
    if (lead < 0x80) return 1;
    std::size_t const length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    unsigned const low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned const high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (lead < 0xC2 || lead > 0xF4 || byte(at + 1) < low || byte(at + 1) > high) return 0;
    for (std::size_t i = 2; i < length; ++i) {
        if ((byte(at + i) & 0xC0U) != 0x80U) return 0;
    }
    return length;
}

std::size_t find_bad_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        auto const length = sequence_length(text, at);
        if (length == 0) return at;
        at += length;
    }
    return text.size();
}

/// The first control character inside a string.
std::size_t find_control(std::string_view text) {
    bool inside = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '"') inside = !inside;
        if (inside && text[at] == '\\') ++at;
        if (inside && at < text.size() && static_cast<unsigned char>(text[at]) < 0x20) return at;
    }
    return text.size();
}

JsonFault fault_of(simdjson::error_code code, std::string_view text) {
    switch (code) {
        case simdjson::EMPTY:
            return {0, "there is no JSON value"};
        case simdjson::UTF8_ERROR:
            return {find_bad_utf8(text), "not UTF-8"};
        case simdjson::UNESCAPED_CHARS:
            return {find_control(text), "a control character inside a string"};
        case simdjson::UNCLOSED_STRING:
            return {text.size(), "a string is not closed"};
        default:
            return {0, "the text is too large"};
    }
}

/// One pass over the tokens. `at_` is the token that is looked at; the one behind the last stands at the text's end.
class Checker {
public:
    Checker(std::string_view text, std::uint32_t const* positions, std::uint32_t count, JsonLimits const& limits)
        : text_(text), at_(positions), end_(positions + count), limits_(limits), next_backslash_(text.find('\\')) {}

    std::optional<JsonFault> check() {
        while (value() && close_or_go_on()) {
        }
        return fault_;
    }

    bool has_escaped_names() const { return escaped_names_; }

private:
    char byte() const { return at_ < end_ ? text_[*at_] : '\0'; }

    bool fail(std::string_view problem) { return fail_at(*at_, problem); }
    bool fail_at(std::size_t offset, std::string_view problem) {
        fault_ = JsonFault{offset, at_ < end_ ? problem : "the text ends too early"};
        return false;
    }

    /// The scalar's bytes: up to the next token, without the white space before that.
    std::string_view token() const {
        std::size_t end = at_[1];
        while (is_space(text_[end - 1])) --end;
        return text_.substr(*at_, end - *at_);
    }

    /// From here to the end of the next scalar or empty container.
    bool value() {
        while (true) {
            if (++values_ > limits_.values) return fail("too many values");
            char const open = byte();
            if (open != '{' && open != '[') return scalar(open);
            if (depth_ == JsonLimits::depth) return fail("nested too deeply");
            object_[depth_++] = open == '{';
            ++at_;
            if (byte() == (open == '{' ? '}' : ']')) {
                --depth_;
                ++at_;
                return true;
            }
            if (open == '{' && !name()) return false;
        }
    }

    /// Behind a value: closes what ends here, and says whether another value must follow.
    bool close_or_go_on() {
        for (; depth_ > 0; --depth_, ++at_) {
            bool const object = object_[depth_ - 1];
            char const c = byte();
            if (c == ',') {
                ++at_;
                return !object || name();
            }
            if (c != (object ? '}' : ']')) return fail(object ? "expected ',' or '}'" : "expected ',' or ']'");
        }
        if (at_ < end_) fail("something follows the JSON value");
        return false;
    }

    bool name() {
        if (byte() != '"') return fail("expected a member name in double quotes");
        auto const backslash = next_backslash_;
        if (!string()) return false;
        escaped_names_ |= backslash != next_backslash_;
        ++at_;
        if (byte() != ':') return fail("expected ':'");
        ++at_;
        return true;
    }

    bool scalar(char first) {
        if (at_ == end_) return fail({});
        bool const ok = first == '"' ? string() : first == '-' || (first >= '0' && first <= '9') ? number() : literal();
        ++at_;
        return ok;
    }

    /// The first stage has found both quotes, and made a token of whatever stands behind the second. What is left to
    /// check are escapes; most strings have none.
    bool string() { return next_backslash_ >= at_[1] || escapes(); }

    bool escapes() {
        auto const raw = token();
        auto const bad = find_bad_escape(raw.substr(1, raw.size() - 2), limits_.surrogates);
        next_backslash_ = text_.find('\\', at_[1]);
        return bad == std::string_view::npos || fail_at(*at_ + 1 + bad, "a bad escape inside a string");
    }

    bool number() {
        auto const digits = token();
        if (digits.size() > limits_.number_length) return fail("a number is too long");
        auto const problem = number_problem(digits);
        return problem.empty() || fail(problem);
    }

    bool literal() {
        auto const word = token();
        return word == "null" || word == "true" || word == "false" || fail("expected a value");
    }

    std::string_view text_;
    std::uint32_t const* at_;
    std::uint32_t const* end_;
    JsonLimits const& limits_;
    std::size_t next_backslash_;  ///< not before the token that is looked at
    std::size_t depth_ = 0;
    std::size_t values_ = 0;
    std::array<bool, JsonLimits::depth> object_;  ///< whether the containers around are objects; the rest is not read
    bool escaped_names_ = false;
    std::optional<JsonFault> fault_;
};

}  // namespace

JsonIndex::JsonIndex() : stage1_(std::make_unique<Stage1>()) {}
JsonIndex::~JsonIndex() = default;

std::expected<JsonValue, JsonFault> JsonIndex::read(std::string_view text, JsonLimits const& limits) {
    if (text.empty()) return std::unexpected(fault_of(simdjson::EMPTY, text));
    if (text.size() > stage1_->capacity) {
        // Four bytes for each of the text, of which only those are touched that tokens need.
        auto const capacity = std::max<std::size_t>(4096, std::bit_ceil(text.size()));
        stage1_->capacity = 0;
        auto const code =
            simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, stage1_->parser);
        if (code != simdjson::SUCCESS) return std::unexpected(fault_of(code, text));
        stage1_->capacity = capacity;
    }
    auto& parser = *stage1_->parser;
    auto const* bytes = reinterpret_cast<std::uint8_t const*>(text.data());
    auto const code = parser.stage1(bytes, text.size(), simdjson::stage1_mode::regular);
    if (code != simdjson::SUCCESS) return std::unexpected(fault_of(code, text));
    auto* const positions = parser.structural_indexes.get();
    auto const count = parser.n_structural_indexes;
    // Already there in 3.0.1; and a second one, because behind a last token we look one further.
    positions[count] = positions[count + 1] = static_cast<std::uint32_t>(text.size());
    Checker checker(text, positions, count, limits);
    if (auto const fault = checker.check()) return std::unexpected(*fault);
    auto const names = checker.has_escaped_names() ? JsonValue::Names::escaped : JsonValue::Names::plain;
    // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): the positions say where it ends
    return JsonValue(text.data(), positions, names);
}

void JsonIndex::shrink_to(std::size_t text_size) {
    if (stage1_->capacity <= text_size) return;
    stage1_->parser.reset();
    stage1_->capacity = 0;
}

}  // namespace sluice
