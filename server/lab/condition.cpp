#include "server/lab/condition.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "server/lab/json_path.hpp"

namespace sluice::lab {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 10> words{"present", "absent", "empty",   "object", "array",
                                                 "string",  "number", "boolean", "null",   "blank"};

struct Comparison {
    std::string_view sign;
    double bound = 0;
    bool holds(double value) const {
        if (sign == ">") return value > bound;
        if (sign == ">=") return value >= bound;
        return sign == "<" ? value < bound : value <= bound;
    }
};

std::optional<Comparison> comparison(std::string_view text) {
    auto space = text.find(' ');
    if (space == std::string_view::npos) return {};
    Comparison out{text.substr(0, space)};
    if (out.sign != ">" && out.sign != ">=" && out.sign != "<" && out.sign != "<=") return {};
    auto number = text.substr(space + 1);
    auto [at, failure] = std::from_chars(number.data(), number.data() + number.size(), out.bound);
    if (failure != std::errc{} || at != number.data() + number.size()) return {};
    return out;
}

std::optional<Comparison> of_length(std::string_view text) {
    constexpr std::string_view start = "length ";
    return text.starts_with(start) ? comparison(text.substr(start.size())) : std::nullopt;
}

double length_of(json const& value) {
    return static_cast<double>(value.is_string() ? value.get_ref<std::string const&>().size() : value.size());
}

bool is_empty(json const& value) {
    if (value.is_string()) return value.get_ref<std::string const&>().empty();
    return value.is_structured() && value.empty();
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

bool is_alphanumeric(std::string_view text) {
    return std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) != 0; });
}

/// What follows `start` in a word such as "has TEXT".
std::optional<std::string_view> after(std::string_view word, std::string_view start) {
    if (!word.starts_with(start) || word.size() == start.size()) return {};
    return word.substr(start.size());
}

bool fits_text(std::string_view word, std::string const& text) {
    if (word == "blank") return text.find_first_not_of(" \t\r\n") == std::string::npos;
    if (auto begin = after(word, "^")) return text.starts_with(*begin);
    if (auto end = after(word, "ends ")) return text.ends_with(*end);
    if (auto part = after(word, "has ")) return lower(text).find(lower(*part)) != std::string::npos;
    if (auto size = after(word, "alphanumeric ")) return is_alphanumeric(text) && std::to_string(text.size()) == *size;
    return false;
}

bool is_about_text(std::string_view word) {
    return word == "blank" || after(word, "^") || after(word, "ends ") || after(word, "has ") ||
           after(word, "alphanumeric ");
}

bool is_of_type(json const& value, std::string_view word) {
    return (word == "object" && value.is_object()) || (word == "array" && value.is_array()) ||
           (word == "string" && value.is_string()) || (word == "number" && value.is_number()) ||
           (word == "boolean" && value.is_boolean()) || (word == "null" && value.is_null());
}

bool fits_word(std::string_view word, json const& value) {
    if (word == "present") return !value.is_null();
    if (word == "empty") return is_empty(value);
    if (auto other = after(word, "not ")) return !fits_word(*other, value);
    if (is_about_text(word)) return value.is_string() && fits_text(word, value.get_ref<std::string const&>());
    if (auto bound = of_length(word)) return bound->holds(length_of(value));
    if (auto bound = comparison(word)) return value.is_number() && bound->holds(value.get<double>());
    return is_of_type(value, word);
}

bool holds(std::string const& path, json const& condition, json const& request, json const& owner) {
    auto places =
        path.starts_with('.') ? find_places(owner, std::string_view(path).substr(1)) : find_places(request, path);
    if (condition == "absent")
        return std::ranges::all_of(places, [](Place const& place) { return place.value->is_null(); });
    return std::ranges::any_of(places, [&condition](Place const& place) { return fits(condition, *place.value); });
}

}  // namespace

std::string problem_of_condition(json const& condition) {
    if (condition.is_array()) return {};
    if (!condition.is_string()) return "a condition is a list of values or a word, not " + condition.dump();
    std::string_view word = condition.get_ref<std::string const&>();
    if (auto other = after(word, "not ")) word = *other;
    bool is_known = std::ranges::find(words, word) != words.end() || comparison(word) || of_length(word);
    return is_known || is_about_text(word) ? "" : "`" + std::string(word) + "` is not a condition";
}

bool fits(json const& condition, json const& value) {
    if (condition.is_array())
        return std::ranges::any_of(condition, [&value](json const& wanted) { return wanted == value; });
    return fits_word(condition.get_ref<std::string const&>(), value);
}

bool all_hold(json const& conditions, json const& request, json const& owner) {
    for (auto const& [path, condition] : conditions.items())
        if (!holds(path, condition, request, owner)) return false;
    return true;
}

bool any_holds(json const& conditions, json const& request, json const& owner) {
    for (auto const& [path, condition] : conditions.items())
        if (holds(path, condition, request, owner)) return true;
    return false;
}

bool matches_pattern(std::string_view pattern, std::string_view text) {
    auto star = pattern.find('*');
    if (star == std::string_view::npos) return pattern == text;
    if (!text.starts_with(pattern.substr(0, star))) return false;
    auto rest = pattern.substr(star + 1);
    for (text.remove_prefix(star);; text.remove_prefix(1)) {
        if (matches_pattern(rest, text)) return true;
        if (text.empty()) return false;
    }
}

}  // namespace sluice::lab
