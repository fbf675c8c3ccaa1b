#include "config/rule_reader.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "config/text.hpp"

namespace sluice::config {
namespace {

using Json = nlohmann::ordered_json;

template <class Value>
struct Word {
    std::string_view text;
    Value value;
};

constexpr std::array actions{Word{"keep", RuleAction::keep},     Word{"drop", RuleAction::drop},
                             Word{"reject", RuleAction::reject}, Word{"clamp", RuleAction::clamp},
                             Word{"rename", RuleAction::rename}, Word{"default", RuleAction::add_default},
                             Word{"force", RuleAction::force},   Word{"convert", RuleAction::convert}};

constexpr std::array severities{Word{"exact", sluice::Severity::exact}, Word{"minor", sluice::Severity::minor},
                                Word{"lossy", sluice::Severity::lossy}};

constexpr std::array conversions{
    Word{"nine_alphanumerics", Conversion::nine_alphanumerics}, Word{"thinking_part", Conversion::thinking_part},
    Word{"logprobs_count", Conversion::logprobs_count}, Word{"plain_text", Conversion::plain_text},
    Word{"tools_from_functions", Conversion::tools_from_functions}};

constexpr std::array tests{Word{"present", Condition::Test::present},  Word{"absent", Condition::Test::absent},
                           Word{"empty", Condition::Test::empty},      Word{"object", Condition::Test::is_object},
                           Word{"array", Condition::Test::is_array},   Word{"string", Condition::Test::is_string},
                           Word{"number", Condition::Test::is_number}, Word{"boolean", Condition::Test::is_boolean},
                           Word{"null", Condition::Test::is_null}};

constexpr std::array comparisons{Word{"<=", Condition::Test::less_or_equal},
                                 Word{">=", Condition::Test::greater_or_equal}, Word{"<", Condition::Test::less},
                                 Word{">", Condition::Test::greater}};

template <class Words>
std::vector<std::string> texts_of(Words const& words) {
    std::vector<std::string> texts;
    texts.reserve(words.size());
    for (auto const& word : words) texts.emplace_back(word.text);
    return texts;
}

Json to_json(Node const& node) {
    switch (node.shape) {
        case Node::Shape::null:
            return nullptr;
        case Node::Shape::list: {
            Json list = Json::array();
            for (Node const& item : node.items) list.push_back(to_json(item));
            return list;
        }
        case Node::Shape::map: {
            Json map = Json::object();
            for (Entry const& entry : node.entries) map[entry.key] = to_json(entry.value);
            return map;
        }
        case Node::Shape::scalar:
            break;
    }
    if (node.text == "~") return nullptr;
    auto const plain = Json::parse(node.text, nullptr, false);
    return plain.is_number() || plain.is_boolean() || plain.is_null() ? plain : Json(node.text);
}

std::optional<double> number_of(std::string_view text) {
    auto const first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) return std::nullopt;
    auto const value = Json::parse(text.substr(first), nullptr, false);
    return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

/// Reads one rule.
class RuleReader {
public:
    explicit RuleReader(std::vector<Problem>& problems) : problems_(problems) {}

    std::optional<ParameterRule> read(Node const& node);

private:
    void complain(Node const& at, std::string message) {
        problems_.push_back({.at = at.at, .message = std::move(message)});
        is_fine_ = false;
    }

    void read_member(Entry const& entry, ParameterRule& rule);
    void read_conditions(Node const& node, std::vector<Condition>& conditions);
    std::optional<Condition> read_condition(Entry const& entry);
    void read_map(Node const& node, ParameterRule& rule);
    void check(Node const& node, ParameterRule& rule);
    std::string text_of(Node const& node);
    std::vector<std::string> words_of(Node const& node);
    std::optional<double> number_at(Node const& node);

    template <class Value, std::size_t size>
    void read_word(Node const& node, std::array<Word<Value>, size> const& words, Value& value) {
        auto const found = std::ranges::find(words, node.text, &Word<Value>::text);
        if (found != words.end() && node.shape == Node::Shape::scalar) {
            value = found->value;
        } else {
            complain(node, "`" + clipped(node.text) + "` is not one of " + joined(texts_of(words)) +
                               suggestion_for(node.text, texts_of(words)));
        }
    }
    static std::string suggestion_for(std::string_view word, std::vector<std::string> const& candidates) {
        auto const near = nearest(word, candidates);
        return near.empty() ? "" : "; did you mean `" + near + "`?";
    }

    std::vector<Problem>& problems_;
    bool is_fine_ = true;
    bool has_action_ = false;
    bool has_severity_ = false;
    bool has_value_ = false;
    unsigned conversions_ = 0;
};

std::optional<ParameterRule> RuleReader::read(Node const& node) {
    if (node.shape != Node::Shape::map) {
        complain(node, "a rule is a map: { field: ..., do: ... }");
        return std::nullopt;
    }
    ParameterRule rule;
    for (Entry const& entry : node.entries) read_member(entry, rule);
    check(node, rule);
    return is_fine_ ? std::optional(std::move(rule)) : std::nullopt;
}

void RuleReader::read_member(Entry const& entry, ParameterRule& rule) {
    Node const& value = entry.value;
    if (entry.key == "field") {
        rule.field = text_of(value);
    } else if (entry.key == "models") {
        rule.models = words_of(value);
    } else if (entry.key == "when") {
        read_conditions(value, rule.when);
    } else if (entry.key == "unless") {
        read_conditions(value, rule.unless);
    } else if (entry.key == "do") {
        read_word(value, actions, rule.action);
        has_action_ = true;
    } else if (entry.key == "severity") {
        read_word(value, severities, rule.severity);
        has_severity_ = true;
    } else if (entry.key == "least") {
        rule.least = number_at(value);
    } else if (entry.key == "most") {
        rule.most = number_at(value);
    } else if (entry.key == "most_items") {
        if (auto const count = number_at(value); count && *count >= 0)
            rule.most_items = static_cast<std::uint64_t>(*count);
    } else if (entry.key == "to") {
        rule.to = text_of(value);
    } else if (entry.key == "value") {
        rule.value = json_of(value);
        has_value_ = true;
    } else if (entry.key == "map") {
        read_map(value, rule);
        ++conversions_;
    } else if (entry.key == "nearest") {
        rule.efforts = words_of(value);
        rule.conversion = Conversion::nearest;
        ++conversions_;
    } else if (entry.key == "as") {
        read_word(value, sluice::config::conversions, rule.conversion);
        ++conversions_;
    } else if (entry.key == "instruct") {
        rule.instruct = text_of(value);
    } else if (entry.key == "why") {
        rule.why = text_of(value);
    } else if (entry.key == "source") {
        rule.source = text_of(value);
    } else {
        std::vector<std::string> const known{"field",   "models", "when",       "unless", "do",     "severity",
                                             "least",   "most",   "most_items", "to",     "value",  "map",
                                             "nearest", "as",     "instruct",   "why",    "source", "use"};
        problems_.push_back(
            {.at = entry.at,
             .message = "unknown key `" + clipped(entry.key) + "` in a rule" + suggestion(entry.key, known)});
        is_fine_ = false;
    }
}

void RuleReader::read_conditions(Node const& node, std::vector<Condition>& conditions) {
    if (node.shape != Node::Shape::map) return complain(node, "conditions are a map: { stream: [true] }");
    for (Entry const& entry : node.entries) {
        if (auto condition = read_condition(entry)) conditions.push_back(std::move(*condition));
    }
}

std::optional<Condition> RuleReader::read_condition(Entry const& entry) {
    Node const& node = entry.value;
    Condition condition;
    condition.path = entry.key;
    if (node.shape == Node::Shape::list) {
        condition.test = Condition::Test::equals;
        for (Node const& item : node.items) condition.values.push_back(json_of(item));
        return condition;
    }
    std::string_view const text = node.shape == Node::Shape::null ? std::string_view("null") : node.text;
    if (auto const found = std::ranges::find(tests, text, &Word<Condition::Test>::text); found != tests.end()) {
        condition.test = found->value;
        return condition;
    }
    if (text.starts_with('^') && text.size() > 1) {
        condition.test = Condition::Test::begins;
        condition.text = text.substr(1);
        return condition;
    }
    for (auto const& [sign, test] : comparisons) {
        if (!text.starts_with(sign)) continue;
        if (auto const number = number_of(text.substr(sign.size()))) {
            condition.test = test;
            condition.number = *number;
            return condition;
        }
    }
    complain(node, "`" + clipped(text) + "` is no condition: a list of values, " + joined(texts_of(tests)) +
                       ", \"> 1\" or \"^prefix\"");
    return std::nullopt;
}

void RuleReader::read_map(Node const& node, ParameterRule& rule) {
    if (node.shape != Node::Shape::map) return complain(node, "`map` is a map from values to values");
    for (Entry const& entry : node.entries) {
        Node const from(Node::Shape::scalar, entry.at, entry.key);
        rule.map.emplace_back(json_of(from), json_of(entry.value));
    }
}

void RuleReader::check(Node const& node, ParameterRule& rule) {
    auto const needs = [&](bool holds, std::string_view what) {
        if (!holds && is_fine_) complain(node, "`do: " + text_of(*node.find("do")) + "` needs " + std::string(what));
    };
    if (rule.field.empty()) return complain(node, "a rule needs a `field`");
    if (rule.field == "model") return complain(node, "no rule is about `model`: targets say what it becomes");
    if (!has_action_) return complain(node, "a rule needs a `do`");
    switch (rule.action) {
        case RuleAction::clamp:
            needs(rule.least || rule.most || rule.most_items, "`least`, `most` or `most_items`");
            break;
        case RuleAction::rename:
            needs(!rule.to.empty(), "`to`");
            break;
        case RuleAction::add_default:
        case RuleAction::force:
            needs(has_value_, "`value`");
            break;
        case RuleAction::convert:
            needs(conversions_ == 1, "one of `map`, `nearest` and `as`");
            break;
        case RuleAction::keep:
        case RuleAction::drop:
        case RuleAction::reject:
            break;
    }
    bool const is_exact =
        rule.action == RuleAction::keep || rule.action == RuleAction::rename || rule.action == RuleAction::add_default;
    if (!has_severity_) rule.severity = is_exact ? sluice::Severity::exact : sluice::Severity::minor;
    if (!prepare(rule)) complain(node, "`" + clipped(rule.field) + "`, or a path in its conditions, is no path");
}

std::string RuleReader::text_of(Node const& node) {
    if (node.shape != Node::Shape::scalar) complain(node, "this must be a text");
    return node.text;
}

std::vector<std::string> RuleReader::words_of(Node const& node) {
    std::vector<std::string> words;
    if (node.shape == Node::Shape::scalar) words.push_back(node.text);
    for (Node const& item : node.items) words.push_back(text_of(item));
    if (words.empty()) complain(node, "this must be a list of words");
    return words;
}

std::optional<double> RuleReader::number_at(Node const& node) {
    auto const number = number_of(node.text);
    if (!number) complain(node, "`" + clipped(node.text) + "` is no number");
    return number;
}

}  // namespace

std::string json_of(Node const& node) { return to_json(node).dump(-1, ' ', false, Json::error_handler_t::replace); }

std::vector<ParameterRule> read_rules(Node const& list, RuleSets const& sets, std::vector<Problem>& problems) {
    std::vector<ParameterRule> rules;
    if (list.shape == Node::Shape::null) return rules;
    if (list.shape != Node::Shape::list) {
        problems.push_back({.at = list.at, .message = "rules for parameters are a list"});
        return rules;
    }
    for (Node const& item : list.items) {
        Node const* const use = item.find("use");
        if (use == nullptr) {
            if (auto rule = RuleReader(problems).read(item)) rules.push_back(std::move(*rule));
            continue;
        }
        auto const set = sets.find(use->text);
        if (item.entries.size() > 1) {
            problems.push_back({.at = item.at, .message = "`use` stands alone"});
        } else if (set == sets.end()) {
            std::vector<std::string> names;
            for (auto const& [name, unused] : sets) names.push_back(name);
            problems.push_back(
                {.at = use->at,
                 .message = "there is no set of rules `" + clipped(use->text) + "`" + suggestion(use->text, names)});
        } else {
            rules.insert(rules.end(), set->second.begin(), set->second.end());
        }
    }
    return rules;
}

}  // namespace sluice::config
