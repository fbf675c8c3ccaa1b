#include "providers/parameters/convert.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include "core/types/error.hpp"
#include "providers/parameters/condition.hpp"

namespace sluice::parameters {
namespace {

constexpr std::array<std::string_view, 7> efforts{"none", "minimal", "low", "medium", "high", "xhigh", "max"};

std::optional<std::size_t> rank_of(std::string_view effort) {
    auto const found = std::find(efforts.begin(), efforts.end(), effort);
    if (found == efforts.end()) return std::nullopt;
    return static_cast<std::size_t>(found - efforts.begin());
}

Converted mapped(ParameterRule const& rule, JsonValue value) {
    for (auto const& [from, to] : rule.map) {
        bool const fits = from == R"("*")" || equals(value, from);
        if (!fits) continue;
        return to == "null" ? Converted{Converted::To::nothing} : Converted{Converted::To::json, to};
    }
    return {};
}

Converted rounded(ParameterRule const& rule, JsonValue value) {
    if (!value.is(JsonType::string)) return {};
    auto const effort = value.unescaped();
    if (std::ranges::find(rule.efforts, effort) != rule.efforts.end()) return {};
    auto const nearest = nearest_effort(effort, rule.efforts);
    return nearest ? Converted{Converted::To::json, json_quoted(*nearest)} : Converted{Converted::To::nothing};
}

Converted short_id(JsonValue value) {
    auto const id = value.unescaped();
    auto short_id = nine_alphanumerics(id);
    return short_id == id ? Converted{} : Converted{Converted::To::json, '"' + short_id + '"'};
}

Converted joined_text(JsonValue parts) {
    if (!parts.is(JsonType::array) || parts.elements().empty()) return {};
    std::string text;
    for (auto const part : parts.elements()) {
        if (part["type"].string() != "text" || !part["text"].is(JsonType::string)) return {};
        text += part["text"].string();
    }
    return {Converted::To::json, '"' + text + '"'};
}

}  // namespace

Converted convert(ParameterRule const& rule, JsonValue value) {
    switch (rule.conversion) {
        case Conversion::map:
            return mapped(rule, value);
        case Conversion::nearest:
            return rounded(rule, value);
        case Conversion::nine_alphanumerics:
            return short_id(value);
        case Conversion::plain_text:
            return joined_text(value);
        case Conversion::thinking_part:
        case Conversion::logprobs_count:
        case Conversion::tools_from_functions:
            break;
    }
    return {};
}

std::optional<std::string> nearest_effort(std::string_view effort, std::vector<std::string> const& allowed) {
    auto const wanted = rank_of(effort);
    if (!wanted || *wanted == 0) return std::nullopt;
    std::optional<std::size_t> best;
    auto const distance = [&wanted](std::size_t rank) { return rank > *wanted ? rank - *wanted : *wanted - rank; };
    for (auto const& candidate : allowed) {
        auto const rank = rank_of(candidate);
        if (!rank || *rank == 0) continue;
        bool const nearer =
            !best || distance(*rank) < distance(*best) || (distance(*rank) == distance(*best) && *rank < *best);
        if (nearer) best = rank;
    }
    if (!best) return std::nullopt;
    return std::string(efforts[*best]);
}

std::string nine_alphanumerics(std::string_view id) {
    constexpr std::size_t length = 9;
    constexpr std::string_view letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    auto const is_fine = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
    if (id.size() == length && std::ranges::all_of(id, is_fine)) return std::string(id);
    std::uint64_t hash = 14695981039346656037U;  // FNV-1a; 62^9 is a little less than 2^54
    for (char const c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    hash ^= hash >> 32U;
    std::string made(length, '0');
    for (char& c : made) {
        c = letters[hash % letters.size()];
        hash /= letters.size();
    }
    return made;
}

std::string tools_from_functions(JsonValue functions) {
    std::string tools = "[";
    for (auto const function : functions.elements()) {
        if (tools.size() > 1) tools += ',';
        tools.append(R"({"type":"function","function":)").append(function.raw()).append("}");
    }
    return tools += ']';
}

std::string tool_choice_from(JsonValue function_call) {
    if (!function_call.is(JsonType::object)) return std::string(function_call.raw());
    return R"({"type":"function","function":)" + std::string(function_call.raw()) + "}";
}

std::string content_with_thoughts(JsonValue thoughts, JsonValue content) {
    std::string parts = R"([{"type":"thinking","thinking":[{"type":"text","text":)";
    parts.append(thoughts.raw()).append("}]}");
    if (content.is(JsonType::string) && !content.string().empty())
        parts.append(R"(,{"type":"text","text":)").append(content.raw()).append("}");
    for (auto const part : content.elements()) parts.append(",").append(part.raw());
    return parts += ']';
}

}  // namespace sluice::parameters
