#include "core/json/json_index.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "core/json/json_number.hpp"
#include "core/json/string_end.hpp"

namespace sluice {

namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr std::size_t surely_finite = 300;  ///< digits; the largest double has 309

/// What may stand behind a number or a word.
constexpr auto delimiters = [] {
    std::array<bool, 256> set{};
    for (unsigned char const c : {' ', '\n', '\r', '\t', ',', ':', '[', ']', '{', '}', '"'}) set[c] = true;
    return set;
}();

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

/// Offsets, and counts of tokens and distances (at most three for two bytes), have 32 bits.
constexpr std::size_t largest_text = std::numeric_limits<std::uint32_t>::max() / 2 - 1;

constexpr char closing(char opening) { return opening == '{' ? '}' : ']'; }

/// One pass over the text that checks all of it and lists its tokens. White space is skipped before a byte is looked
/// at; `at_` is never behind `end_`, and nothing behind that is read.
class Scanner {
public:
    Scanner(std::string_view text, std::uint32_t* tokens, JsonLimits const& limits)
        : begin_(text.data()),
          at_(begin_),
          end_(begin_ + text.size()),
          token_(tokens),
          opened_(tokens),
          limits_(limits) {}

    bool scan() {
        look();
        if (at_ == end_) return fail_at(begin_, "there is no JSON value");
        while (value() && close_or_go_on()) {
        }
        // Two, because behind a last token we look one further.
        token_[0] = token_[1] = static_cast<std::uint32_t>(end_ - begin_);
        return fault_.problem.empty();
    }

    JsonFault fault() const { return fault_; }
    bool has_escaped_names() const { return escaped_names_; }
    bool beyond_ascii() const { return beyond_ascii_ != 0; }

private:
    /// The next byte that is no white space; NUL at the end.
    char look() {
        while (at_ != end_ && is_space(*at_)) ++at_;
        return at_ == end_ ? '\0' : *at_;
    }

    void add_token() { *token_++ = static_cast<std::uint32_t>(at_ - begin_); }
    void take() {
        add_token();
        ++at_;
    }

    bool fail_at(char const* place, std::string_view problem) {
        fault_ = {static_cast<std::size_t>(place - begin_), problem};
        return false;
    }
    bool fail(std::string_view problem) { return fail_at(at_, at_ == end_ ? "the text ends too early" : problem); }

    bool in_object() const { return depth_ > 0 && begin_[*opened_] == '{'; }

    /// Until it is closed, a bracket's second place says how far back the bracket around it stands.
    void open() {
        token_[1] = static_cast<std::uint32_t>(token_ - opened_);
        opened_ = token_;
        take();
        ++token_;
        ++depth_;
    }

    void close() {
        take();
        auto* const around = opened_ - opened_[1];
        opened_[1] = static_cast<std::uint32_t>(token_ - opened_);
        opened_ = around;
        --depth_;
    }

    /// From here to the end of the next scalar, or to the end of an empty container.
    bool value() {
        while (true) {
            if (in_object() && !name()) return false;
            char const first = look();
            if (++values_ > limits_.values) return fail("too many values");
            if (first != '{' && first != '[') return scalar(first);
            if (depth_ == JsonLimits::depth) return fail("nested too deeply");
            open();
            if (look() == closing(first)) return true;
        }
    }

    /// Behind a value: closes what ends here, and says whether another value must follow.
    bool close_or_go_on() {
        for (; depth_ > 0; close()) {
            char const opening = begin_[*opened_];
            char const c = look();
            if (c == ',') {
                take();
                return true;
            }
            if (c != closing(opening)) return fail(opening == '{' ? "expected ',' or '}'" : "expected ',' or ']'");
        }
        look();
        if (at_ != end_) fail("something follows the JSON value");
        return false;
    }

    bool name() {
        if (look() != '"') return fail("expected a member name in double quotes");
        auto const escapes_before = escapes_;
        if (!string()) return false;
        escaped_names_ |= escapes_ != escapes_before;
        if (look() != ':') return fail("expected ':'");
        take();
        return true;
    }

    bool scalar(char first) {
        if (at_ == end_) return fail({});
        if (first == '"') return string();
        return first == '-' || is_digit(first) ? number() : literal();
    }

    // Inline, as otherwise all of the scanner's state would go through memory.
    [[gnu::always_inline]] bool string() {
        take();
#if defined(__SSE2__)
        while (end_ - at_ >= string_block) {  // most strings have no escapes
            auto const bytes = load_string_block(at_);
            auto const special = special_bytes(bytes);
            beyond_ascii_ |= _mm_movemask_epi8(bytes);
            at_ += special == 0 ? string_block : std::countr_zero(special);
            if (special == 0) continue;
            if (*at_ != '"') break;
            ++at_;
            return true;
        }
#endif
        auto const end = find_string_end(at_, end_, limits_.surrogates);
        beyond_ascii_ |= end.beyond_ascii ? 1 : 0;
        escapes_ += end.escapes;
        if (!end.problem.empty()) return fail_at(end.at, end.problem);
        at_ = end.at;
        return true;
    }

    /// The bytes from here to what may stand behind a number or a word.
    std::string_view word() const {
        auto const* end = at_;
        while (end != end_ && !delimiters[static_cast<unsigned char>(*end)]) ++end;
        return {at_, end};
    }

    bool number() {
        add_token();
        if (auto const size = integer_size(); size > 0) {
            at_ += size;
            return true;
        }
        auto const digits = word();
        if (digits.size() > limits_.number_length) return fail("a number is too long");
        auto const problem = number_problem(digits);
        if (!problem.empty()) return fail(problem);
        at_ += digits.size();
        return true;
    }

    /// The length of a number that is nothing but digits, as most are; 0: look more closely.
    std::size_t integer_size() const {
        if (*at_ == '-' || *at_ == '0') return 0;
        auto const* end = at_ + 1;
        while (end != end_ && is_digit(*end)) ++end;
        auto const size = static_cast<std::size_t>(end - at_);
        bool const ends_well = end == end_ || delimiters[static_cast<unsigned char>(*end)];
        return ends_well && size <= std::min(limits_.number_length, surely_finite) ? size : 0;
    }

    bool literal() {
        auto const text = word();
        if (text != "null" && text != "true" && text != "false") return fail("expected a value");
        add_token();
        at_ += text.size();
        return true;
    }

    char const* begin_;
    char const* at_;
    char const* end_;
    std::uint32_t* token_;   ///< where the next one goes
    std::uint32_t* opened_;  ///< the innermost bracket that is open, if one is
    JsonLimits const& limits_;
    std::size_t depth_ = 0;
    std::size_t values_ = 0;
    std::size_t escapes_ = 0;
    bool escaped_names_ = false;
    int beyond_ascii_ = 0;  ///< not 0: some byte may be
    JsonFault fault_;
};

}  // namespace

std::expected<JsonValue, JsonFault> JsonIndex::read(std::string_view text, JsonLimits const& limits) {
    if (text.size() > largest_text) return std::unexpected(JsonFault{0, "the text is too large"});
    if (text.size() > capacity_) {
        auto const capacity = std::max<std::size_t>(4096, std::bit_ceil(text.size()));
        capacity_ = 0;
        // Room that no token needs is never touched, and so costs nothing.
        tokens_ = std::make_unique_for_overwrite<std::uint32_t[]>(capacity + capacity / 2 + JsonLimits::depth + 2);
        capacity_ = capacity;
    }
    Scanner scanner(text, tokens_.get(), limits);
    if (!scanner.scan()) return std::unexpected(scanner.fault());
    // Checked at the end, because most texts have no such byte.
    if (scanner.beyond_ascii() && !simdjson::validate_utf8(text.data(), text.size())) {
        return std::unexpected(JsonFault{find_bad_utf8(text), "not UTF-8"});
    }
    auto const names = scanner.has_escaped_names() ? JsonValue::Names::escaped : JsonValue::Names::plain;
    // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): the tokens say where it ends
    return JsonValue(text.data(), tokens_.get(), names);
}

void JsonIndex::shrink_to(std::size_t text_size) {
    if (capacity_ <= text_size) return;
    tokens_.reset();
    capacity_ = 0;
}

}  // namespace sluice
