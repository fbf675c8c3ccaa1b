#include "config/yaml_text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "core/types/error.hpp"

namespace sluice::config {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

/// How many bytes the character at the start of `text` has, or 0 if it is not UTF-8 (overlong forms, surrogates and
/// NUL included).
std::size_t character_size(std::string_view text) {
    auto const byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    unsigned const first = byte(0);
    if (first == 0) return 0;
    if (first < 0x80) return 1;
    std::size_t const size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i) {
        if (!continues(text[i])) return 0;
    }
    bool const overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
    bool const not_a_character = (first == 0xED && byte(1) >= 0xA0) || (first == 0xF4 && byte(1) >= 0x90);
    return overlong || not_a_character ? 0 : size;
}

constexpr std::array explanations{
    std::pair{"illegal tab when looking for indentation", "a tab in the indentation: use spaces"},
    std::pair{"end of map not found", "this line doesn't fit the map above it: check the indentation and the colon"},
    std::pair{"end of sequence not found", "this line doesn't fit the list above it: check the indentation"},
    std::pair{"end of map flow not found", "`{` without its `}`, or a missing comma"},
    std::pair{"end of sequence flow not found", "`[` without its `]`, or a missing comma"},
    std::pair{"illegal map value", "a colon where none may stand: quote the value, or check the indentation"},
    std::pair{"illegal map key", "a key where none may stand: check the indentation"},
    std::pair{"illegal block entry", "a list item where none may stand: check the indentation"},
    std::pair{"illegal flow end", "`}` or `]` without its opening"},
    std::pair{"illegal EOF in scalar", "a quote that is never closed"},
    std::pair{"unknown token", "a value can't start with this character: quote it"},
    std::pair{"anchor not found after &", "`&` starts a YAML anchor: quote it"},
    std::pair{"alias not found after *", "a YAML alias without a name"},
    std::pair{"the referenced anchor is not defined", "a YAML alias without its anchor (`&name`) above it"},
};

bool may_stand_plain(std::string_view text) {
    constexpr std::string_view words[] = {"true", "false", "null", "yes", "no", "on", "off", "~"};
    if (text.empty() || std::ranges::find(words, text) != std::end(words)) return false;
    auto const plain = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("_./%:+@-").contains(c);
    };
    auto const first = static_cast<unsigned char>(text.front());
    return (std::isalnum(first) != 0 || text.front() == '/' || text.front() == '.') &&
           std::ranges::all_of(text, plain) && !text.ends_with(':');
}

/// Where the value behind `line[key_end..]`, which starts with a colon, ends.
std::size_t end_of_value(std::string_view line, std::size_t from) {
    char const quote = line[from];
    if (quote == '"' || quote == '\'') {
        auto const closing = line.find(quote, from + 1);
        return closing == std::string_view::npos ? line.size() : closing + 1;
    }
    auto const end = line.find_first_of(",}", from);
    return end == std::string_view::npos ? line.size() : end;
}

void mask_values_of(std::string& line, std::string_view key) {
    std::size_t at = 0;
    while ((at = line.find(key, at)) != std::string::npos) {
        bool const whole_word =
            at == 0 || (std::isalnum(static_cast<unsigned char>(line[at - 1])) == 0 && line[at - 1] != '_');
        at += key.size();
        std::size_t colon = at;
        while (colon < line.size() && (line[colon] == '"' || line[colon] == '\'' || line[colon] == ' ')) ++colon;
        if (!whole_word || colon >= line.size() || line[colon] != ':') continue;
        auto const value = line.find_first_not_of(" \t", colon + 1);
        if (value == std::string::npos) return;
        std::string_view const rest = std::string_view(line).substr(value);
        if (rest.starts_with("${") || rest.starts_with("\"${") || rest.starts_with('{') || rest.starts_with("none"))
            continue;
        line.replace(value, end_of_value(line, value) - value, "***");
        at = value;
    }
}

}  // namespace

LineIndex::LineIndex(std::string_view text) : text_(text), starts_{0} {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n') starts_.push_back(i + 1);
    }
}

std::string_view LineIndex::line(int index) const {
    if (index < 0 || static_cast<std::size_t>(index) >= starts_.size()) return {};
    std::size_t const start = starts_[static_cast<std::size_t>(index)];
    std::size_t const end = std::min(text_.find('\n', start), text_.size());
    std::string_view const line = text_.substr(start, end - start);
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

int LineIndex::column(int index, int byte) const {
    std::string_view const before = line(index).substr(0, static_cast<std::size_t>(std::max(0, byte)));
    auto const characters = std::ranges::count_if(before, [](char c) { return !continues(c); });
    auto const past_the_end = std::max<std::ptrdiff_t>(0, byte - std::ssize(line(index)));
    return static_cast<int>(characters + past_the_end) + 1;
}

bool LineIndex::closes_quote(int at) const {
    if (at < 0 || static_cast<std::size_t>(at) >= text_.size()) return true;
    auto i = static_cast<std::size_t>(at);
    char const quote = text_[i++];
    if (quote != '"' && quote != '\'') return true;
    for (; i < text_.size(); ++i) {
        bool const is_escaped_quote = quote == '\'' && text_.substr(i).starts_with("''");
        if (is_escaped_quote || (quote == '"' && text_[i] == '\\'))
            ++i;
        else if (text_[i] == quote)
            return true;
    }
    return false;
}

std::optional<LineIndex::Place> LineIndex::first_bad_byte() const {
    for (std::size_t i = 0; i < text_.size();) {
        std::size_t const size = character_size(text_.substr(i));
        if (size == 0) {
            auto const next = std::ranges::upper_bound(starts_, i);
            int const index = static_cast<int>(next - starts_.begin()) - 1;
            return Place{index + 1, column(index, static_cast<int>(i - starts_[static_cast<std::size_t>(index)]))};
        }
        i += size;
    }
    return std::nullopt;
}

std::string explain_yaml(std::string_view message, std::string_view line, int byte) {
    bool const in_flow = message.contains("flow");
    auto const variable = line.find("${");
    auto const bracket = line.find_first_of("{[");
    if (in_flow && variable != std::string_view::npos && bracket < variable) {
        return "inside { } and [ ] a ${VARIABLE} needs quotes: \"${VARIABLE}\"";
    }
    auto const text = std::min(line.find_first_not_of(" \t"), line.size());
    if (line.substr(0, text).contains('\t')) return "a tab in the indentation: use spaces";
    for (auto const& [theirs, ours] : explanations) {
        if (message != theirs) continue;
        bool const at_sign =
            static_cast<std::size_t>(byte) < line.size() && line[static_cast<std::size_t>(byte)] == '*';
        if (at_sign) return "`*` starts a YAML alias: quote a star (\"*\"), or define the anchor (`&name`) above";
        return ours;
    }
    return "not YAML: " + std::string(message);
}

std::string yaml_scalar(std::string_view text) { return may_stand_plain(text) ? std::string(text) : json_quoted(text); }

std::string safe_excerpt(std::string_view line, std::vector<std::string> const& secret_keys) {
    std::string out(line);
    std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
    for (std::string const& key : secret_keys) mask_values_of(out, key);
    constexpr std::size_t longest = 160;
    if (out.size() <= longest) return out;
    std::size_t end = longest;
    while (end > 0 && continues(out[end])) --end;
    return out.substr(0, end) + "...";
}

}  // namespace sluice::config
