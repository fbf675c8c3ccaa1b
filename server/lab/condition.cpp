#include "server/lab/condition.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>

#include "server/lab/json_path.hpp"

namespace sluice::lab {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 9> words{"present", "absent", "empty",   "object", "array",
                                                "string",  "number", "boolean", "null"};

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

bool found_in(json const& value, std::string_view pattern) {
    if (!value.is_string()) return false;
    return std::regex_search(value.get_ref<std::string const&>(), std::regex(pattern.begin(), pattern.end()));
}

bool is_of_type(json const& value, std::string_view word) {
    return (word == "object" && value.is_object()) || (word == "array" && value.is_array()) ||
           (word == "string" && value.is_string()) || (word == "number" && value.is_number()) ||
           (word == "boolean" && value.is_boolean()) || (word == "null" && value.is_null());
}

bool fits_word(std::string_view word, json const& value) {
    if (word == "present") return !value.is_null();
    if (word == "empty") return is_empty(value);
    if (word.starts_with('^'))
        return value.is_string() && value.get_ref<std::string const&>().starts_with(word.substr(1));
    if (word.starts_with('~')) return found_in(value, word.substr(1));
    if (word.starts_with("!~")) return value.is_string() && !found_in(value, word.substr(2));
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
    auto const& text = condition.get_ref<std::string const&>();
    if (std::ranges::find(words, text) != words.end() || comparison(text) || of_length(text)) return {};
    if (text.starts_with('^')) return {};
    if (!text.starts_with('~') && !text.starts_with("!~")) return "`" + text + "` is not a condition";
    try {
        std::regex(text.substr(text.find('~') + 1));
    } catch (std::regex_error const& error) {
        return "`" + text + "`: " + error.what();
    }
    return {};
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
