#include "core/policy/match.hpp"

#include <algorithm>
#include <string>

#include "core/policy/model_index.hpp"

namespace sluice {
namespace {

/// An empty list asks for nothing.
bool one_matches(std::vector<std::string> const& patterns, std::string_view text) {
    auto matches = [text](std::string const& pattern) { return match_wildcard(pattern, text).has_value(); };
    return patterns.empty() || std::any_of(patterns.begin(), patterns.end(), matches);
}

bool tags_match(MatchRule const& rule, Caller const& caller) {
    auto matches = [&caller](auto const& wanted) {
        auto const found = caller.tags.find(wanted.first);
        return found != caller.tags.end() && match_wildcard(wanted.second, found->second);
    };
    return std::all_of(rule.tags.begin(), rule.tags.end(), matches);
}

bool headers_match(MatchRule const& rule, MatchInput const& input) {
    auto matches = [&input](auto const& wanted) {
        auto const value = input.header ? input.header(wanted.first) : std::string_view();
        return !value.empty() && match_wildcard(wanted.second, value);
    };
    return std::all_of(rule.headers.begin(), rule.headers.end(), matches);
}

bool size_matches(MatchRule const& rule, RequestFacts const& facts) {
    if (rule.input_tokens_above && facts.input_tokens <= *rule.input_tokens_above) return false;
    if (rule.input_tokens_up_to && facts.input_tokens > *rule.input_tokens_up_to) return false;
    return !rule.complexity_above || facts.complexity > *rule.complexity_above;
}

/// The weekday is the one of this very minute: at 03:00 of a Saturday that is 6, also within 22:00 to 06:00.
bool time_matches(MatchRule const& rule, std::chrono::sys_seconds time) {
    auto const day = std::chrono::floor<std::chrono::days>(time);
    if (!rule.weekdays.empty()) {
        auto const weekday = std::chrono::weekday(day).iso_encoding();
        if (std::find(rule.weekdays.begin(), rule.weekdays.end(), weekday) == rule.weekdays.end()) return false;
    }
    if (!rule.hours || rule.hours->from == rule.hours->to) return true;
    auto const minute = static_cast<unsigned>(std::chrono::floor<std::chrono::minutes>(time - day).count());
    bool const after_start = minute >= rule.hours->from;
    bool const before_end = minute < rule.hours->to;
    return rule.hours->from < rule.hours->to ? after_start && before_end : after_start || before_end;
}

bool fits(MatchRule const& rule, MatchInput const& input) {
    if (!one_matches(rule.callers, input.caller.name) || !one_matches(rule.teams, input.caller.team)) return false;
    if (!tags_match(rule, input.caller) || !size_matches(rule, input.facts)) return false;
    if (!rule.needs.empty() && rule.needs.both(input.facts.needs).empty()) return false;
    if (rule.stream && *rule.stream != input.facts.stream) return false;
    if (!time_matches(rule, input.time) || !headers_match(rule, input)) return false;
    return !rule.percent || input.lot < *rule.percent;
}

}  // namespace

MatchRule const* first_match(std::span<MatchRule const> rules, MatchInput const& input) {
    for (auto const& rule : rules) {
        if (fits(rule, input)) return &rule;
    }
    return nullptr;
}

}  // namespace sluice
