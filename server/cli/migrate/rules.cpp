#include "server/cli/migrate/rules.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::cli {
namespace {

std::vector<ParameterRule const*> rules_about(Side const& side) {
    std::vector<ParameterRule const*> rules;
    for (ParameterRule const& rule : side.profile->settings.parameters) {
        if (rule.action != RuleAction::keep && matches_model(rule.models, side.model)) rules.push_back(&rule);
    }
    return rules;
}

/// Whether two rules do the same to a request, whoever says so.
bool are_alike(ParameterRule left, ParameterRule right) {
    for (ParameterRule* rule : {&left, &right}) {
        rule->models.clear();
        rule->severity = Severity::minor;
        rule->why.clear();
        rule->source.clear();
    }
    return left == right;
}

bool is_unconditional(ParameterRule const& rule) { return rule.when.empty() && rule.unless.empty(); }

/// Whether a client of the source sees what `rule` does already.
bool is_known(ParameterRule const& rule, std::vector<ParameterRule const*> const& before) {
    return std::ranges::any_of(before, [&rule](ParameterRule const* old) {
        bool const is_gone = old->field == rule.field && is_unconditional(*old) &&
                             (old->action == RuleAction::drop || old->action == RuleAction::reject);
        return is_gone || are_alike(*old, rule);
    });
}

std::string bounds_of(ParameterRule const& rule) {
    if (rule.most_items) return fmt::format("cut to {} items", *rule.most_items);
    if (rule.least && rule.most) return fmt::format("clamped to {}..{}", *rule.least, *rule.most);
    if (rule.least) return fmt::format("raised to at least {}", *rule.least);
    return fmt::format("lowered to at most {}", rule.most.value_or(0));
}

std::string conversion_of(ParameterRule const& rule) {
    std::string out = "converted";
    if (rule.conversion == Conversion::nearest)
        out = fmt::format("converted to the nearest of {}", fmt::join(rule.efforts, ", "));
    if (rule.conversion == Conversion::map) {
        std::string pairs;
        for (auto const& [from, to] : rule.map)
            pairs += fmt::format("{}{} -> {}", pairs.empty() ? "" : ", ", from == R"("*")" ? "other" : from,
                                 to == "null" ? "dropped" : to);
        out = "converted: " + pairs;
    }
    return rule.to.empty() ? out : out + ", as " + rule.to;
}

std::string test_of(Condition const& condition) {
    using enum Condition::Test;
    std::string const& path = condition.path;
    switch (condition.test) {
        case equals:
            return fmt::format("{} is {}", path, fmt::join(condition.values, " or "));
        case present:
            return path + " is given";
        case absent:
            return path + " is absent";
        case empty:
            return path + " is empty";
        case is_object:
            return path + " is an object";
        case is_array:
            return path + " is a list";
        case is_string:
            return path + " is a text";
        case is_number:
            return path + " is a number";
        case is_boolean:
            return path + " is true or false";
        case is_null:
            return path + " is null";
        case less:
            return fmt::format("{} < {}", path, condition.number);
        case less_or_equal:
            return fmt::format("{} <= {}", path, condition.number);
        case greater:
            return fmt::format("{} > {}", path, condition.number);
        case greater_or_equal:
            return fmt::format("{} >= {}", path, condition.number);
        case begins:
            return fmt::format("{} begins with {}", path, condition.text);
    }
    return path;
}

std::string all_of(std::vector<Condition> const& conditions, std::string_view between) {
    std::string out;
    for (Condition const& each : conditions) out += (out.empty() ? "" : std::string(between)) + test_of(each);
    return out;
}

Finding finding_of(ParameterRule const& rule, Side const& to) {
    auto const conditions = conditions_of(rule);
    Finding made{.topic = Topic::parameters,
                 .level = Level::changes,
                 .text = rule.field + (conditions.empty() ? "" : " " + conditions) + ": " + effect_of(rule),
                 .field = rule.field,
                 .severity = std::string(to_string(rule.severity)),
                 .why = rule.why,
                 .source = source_of(rule.source, *to.profile)};
    if (rule.action == RuleAction::reject) {
        made.level = Level::unsafe;
        made.severity = "refused";
    } else if (rule.severity == Severity::exact) {
        made.level = Level::same;
    }
    return made;
}

/// The fields that the source left out whatever they held, and the target takes.
std::vector<std::string> gained_fields(std::vector<ParameterRule const*> const& before,
                                       std::vector<ParameterRule const*> const& after) {
    std::vector<std::string> gained;
    for (ParameterRule const* old : before) {
        bool const was_lost =
            old->action == RuleAction::drop && is_unconditional(*old) && old->severity != Severity::exact;
        bool const is_touched =
            std::ranges::any_of(after, [old](ParameterRule const* rule) { return rule->field == old->field; });
        if (was_lost && !is_touched) gained.push_back(old->field);
    }
    return gained;
}

}  // namespace

std::string effect_of(ParameterRule const& rule) {
    std::string out;
    switch (rule.action) {
        case RuleAction::keep:
            out = "kept";
            break;
        case RuleAction::drop:
            out = "dropped";
            break;
        case RuleAction::reject:
            out = "refused";
            break;
        case RuleAction::clamp:
            out = bounds_of(rule);
            break;
        case RuleAction::rename:
            out = "renamed to " + rule.to;
            break;
        case RuleAction::add_default:
            out = "added as " + rule.value + " where it is absent";
            break;
        case RuleAction::force:
            out = "replaced by " + rule.value;
            break;
        case RuleAction::convert:
            out = conversion_of(rule);
            break;
    }
    return rule.instruct.empty() ? out : out + ", with a system message instead";
}

std::string conditions_of(ParameterRule const& rule) {
    std::string out;
    if (!rule.when.empty()) out = "when " + all_of(rule.when, " and ");
    if (!rule.unless.empty()) out += (out.empty() ? "" : " ") + std::string("unless ") + all_of(rule.unless, " or ");
    return out;
}

std::string source_of(std::string const& source, config::Profile const& profile) {
    for (auto const* const sources : {&profile.sources, &config::rule_sources()}) {
        auto const found = std::ranges::find(*sources, source, &config::Source::name);
        if (found != sources->end()) return fmt::format("{}, {}, {}", found->what, found->date, found->evidence);
    }
    return source;
}

std::vector<Finding> compare_rules(Side const& from, Side const& to) {
    auto const before = rules_about(from);
    auto const after = rules_about(to);
    std::vector<Finding> findings;
    for (bool const is_temperature : {true, false}) {
        for (ParameterRule const* rule : after) {
            if ((rule->field == "temperature") == is_temperature && !is_known(*rule, before))
                findings.push_back(finding_of(*rule, to));
        }
    }
    auto const gained = gained_fields(before, after);
    if (!gained.empty()) {
        findings.push_back({.topic = Topic::parameters,
                            .level = Level::note,
                            .text = fmt::format("left out for {} so far, and not for {}: {}", from.profile->name,
                                                to.profile->name, fmt::join(gained, ", "))});
    }
    return findings;
}

}  // namespace sluice::cli
