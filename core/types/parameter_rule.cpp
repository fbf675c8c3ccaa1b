#include "core/types/parameter_rule.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "core/types/field_path.hpp"

namespace sluice {
namespace {

/// Whether `text` is `pattern`, in which each '*' stands for any text.
bool fits(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t covered = 0;  // text that the last star takes in ends here
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            covered = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++covered;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace

bool matches_model(std::vector<std::string> const& patterns, std::string_view model) {
    if (patterns.empty()) return true;
    for (std::string_view pattern : patterns) {
        bool const excludes = pattern.starts_with('!');
        if (excludes) pattern.remove_prefix(1);
        if (fits(pattern, model)) return !excludes;
    }
    return false;
}

bool prepare(ParameterRule& rule) {
    auto const steps = steps_of(rule.field);
    auto const is_path = [](Condition const& condition) {
        std::string_view path = condition.path;
        if (path.starts_with('.')) path.remove_prefix(1);
        return !steps_of(path).empty() && path.find("[]") == std::string_view::npos &&
               path.find("**") == std::string_view::npos;
    };
    if (steps.empty() || !std::ranges::all_of(rule.when, is_path) || !std::ranges::all_of(rule.unless, is_path))
        return false;
    rule.needs = rule.message_needs = 0;
    for (auto const& condition : rule.when) {
        bool const must_be_there = condition.test != Condition::Test::absent && !condition.path.starts_with('.');
        if (must_be_there) rule.needs |= name_bit(steps_of(condition.path).front().name);
    }
    bool const adds = rule.action == RuleAction::add_default || rule.action == RuleAction::force;
    if (steps.size() > 1 || !adds) rule.needs |= name_bit(steps.front().name);
    bool const in_messages = steps.size() > 2 && steps[0].name == "messages" && steps[1].kind == Step::Kind::elements &&
                             steps[2].kind == Step::Kind::member;
    bool const is_last = steps.size() == 3;
    if (!in_messages || (is_last && adds)) return true;
    auto const name = steps[2].name;
    bool const in_list = steps.size() > 3 && steps[3].kind == Step::Kind::elements;
    if (name == "content" && in_list) {
        rule.message_needs = name_bit("content[]");
    } else if (name != "role") {
        rule.message_needs = name_bit(name);
    } else {
        // The usual roles have no bit: a rule about one of them is always looked at.
        constexpr std::array<std::string_view, 5> usual{R"("user")", R"("assistant")", R"("system")", R"("tool")",
                                                        R"("*")"};
        bool const about_usual = rule.map.empty() || std::ranges::any_of(rule.map, [&](auto const& entry) {
                                     return std::ranges::find(usual, entry.first) != usual.end();
                                 });
        if (!about_usual) rule.message_needs = name_bit("role");
    }
    return true;
}

ParameterRules::ParameterRules(std::vector<ParameterRule> rules) : rules_(std::move(rules)) {
    blocks_.resize((rules_.size() + 63) / 64);
    rejects_ = std::ranges::any_of(rules_, [](auto const& rule) { return rule.action == RuleAction::reject; });
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        auto& block = blocks_[i / 64];
        auto const bit = std::uint64_t{1} << (i % 64);
        auto const& [needs, message_needs] = std::pair(rules_[i].needs, rules_[i].message_needs);
        if (message_needs != 0) {
            block.by_message_name[static_cast<std::size_t>(std::countr_zero(message_needs))] |= bit;
        } else if (needs != 0) {
            block.by_name[static_cast<std::size_t>(std::countr_zero(needs))] |= bit;
        } else {
            block.always |= bit;
        }
    }
}

std::uint64_t ParameterRules::candidates(std::size_t block, std::uint64_t names, std::uint64_t message_names) const {
    auto const& known = blocks_[block];
    auto found = known.always;
    for (; names != 0; names &= names - 1) found |= known.by_name[static_cast<std::size_t>(std::countr_zero(names))];
    for (; message_names != 0; message_names &= message_names - 1)
        found |= known.by_message_name[static_cast<std::size_t>(std::countr_zero(message_names))];
    return found;
}

bool ParameterRules::may_refuse(UnsupportedPolicy policy) const {
    if (policy == UnsupportedPolicy::pass) return false;
    return rejects_ || (policy == UnsupportedPolicy::reject && !rules_.empty());
}

std::string_view to_string(Adjustment::Kind kind) {
    switch (kind) {
        case Adjustment::Kind::dropped:
            return "dropped";
        case Adjustment::Kind::renamed:
            return "renamed";
        case Adjustment::Kind::clamped:
            return "clamped";
        case Adjustment::Kind::added:
            return "added";
        case Adjustment::Kind::forced:
            return "forced";
        case Adjustment::Kind::converted:
            break;
    }
    return "converted";
}

std::string_view to_string(Severity severity) {
    switch (severity) {
        case Severity::exact:
            return "exact";
        case Severity::minor:
            return "minor";
        case Severity::lossy:
            break;
    }
    return "lossy";
}

}  // namespace sluice
