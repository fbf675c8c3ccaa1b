#include "providers/parameters/rewrite.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <optional>
#include <span>
#include <string>

#include "core/types/error.hpp"
#include "core/types/field_path.hpp"
#include "providers/parameters/condition.hpp"
#include "providers/parameters/convert.hpp"

namespace sluice::parameters {
namespace {

using std::string_view;

std::string digits_of(double number) {
    std::array<char, 32> text{};
    auto const [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
    return {text.data(), end};
}

/// `value` within the rule's bounds; nothing if it is already.
std::optional<std::string> clamped(ParameterRule const& rule, JsonValue value) {
    if (auto const number = value.number()) {
        if (rule.least && *number < *rule.least) return digits_of(*rule.least);
        if (rule.most && *number > *rule.most) return digits_of(*rule.most);
        return std::nullopt;
    }
    if (!rule.most_items || !value.is(JsonType::array)) return std::nullopt;
    std::string list = "[";
    std::uint64_t count = 0;
    for (auto const element : value.elements()) {
        if (count++ == *rule.most_items) return list += ']';
        if (list.size() > 1) list += ',';
        list += element.raw();
    }
    return std::nullopt;
}

/// What a rule's action makes of a value that is there.
Converted changed(ParameterRule const& rule, JsonValue value) {
    switch (rule.action) {
        case RuleAction::drop:
            return {Converted::To::nothing};
        case RuleAction::clamp:
            if (auto text = clamped(rule, value)) return {Converted::To::json, std::move(*text)};
            return {};
        case RuleAction::add_default:
            if (value.has_value()) return {};
            return {Converted::To::json, rule.value};
        case RuleAction::force:
            if (equals(value, rule.value)) return {};
            return {Converted::To::json, rule.value};
        case RuleAction::convert:
            return value.has_value() ? convert(rule, value) : Converted{};
        case RuleAction::keep:
        case RuleAction::reject:
        case RuleAction::rename:
            break;
    }
    return {};
}

Adjustment::Kind kind_of(RuleAction action) {
    switch (action) {
        case RuleAction::rename:
            return Adjustment::Kind::renamed;
        case RuleAction::clamp:
            return Adjustment::Kind::clamped;
        case RuleAction::add_default:
            return Adjustment::Kind::added;
        case RuleAction::force:
            return Adjustment::Kind::forced;
        case RuleAction::convert:
            return Adjustment::Kind::converted;
        case RuleAction::keep:
        case RuleAction::drop:
        case RuleAction::reject:
            break;
    }
    return Adjustment::Kind::dropped;
}

/// Rules that have something to say about a field that is not there.
bool adds(RuleAction action) { return action == RuleAction::add_default || action == RuleAction::force; }

string_view first_name(string_view path) { return path.substr(0, path.find_first_of(".[")); }

/// Where ".a.b" leads from `value`; itself for an empty path.
JsonValue value_at(JsonValue value, string_view path) {
    while (path.starts_with('.')) {
        path.remove_prefix(1);
        auto const name = first_name(path);
        value = value[name];
        path.remove_prefix(name.size());
    }
    return value;
}

void collect(JsonValue value, std::span<Step const> steps, std::size_t base, bool absent_too,
             std::vector<Inner>& found) {
    auto const step = steps.front();
    auto const rest = steps.subspan(1);
    if (step.kind == Step::Kind::elements) {
        for (auto const element : value.elements()) collect(element, rest, base, absent_too, found);
        return;
    }
    if (step.kind == Step::Kind::any_depth) {
        collect(value, rest, base, absent_too, found);
        for (auto const& member : value.members()) collect(member.value, steps, base, absent_too, found);
        for (auto const element : value.elements()) collect(element, steps, base, absent_too, found);
        return;
    }
    bool is_there = false;
    for (auto const& member : value.members()) {
        if (!member.named(step.name)) continue;
        is_there = true;
        if (!rest.empty()) {
            collect(member.value, rest, base, absent_too, found);
        } else {
            found.push_back({.object = value, .member = member, .base = base, .name = step.name});
        }
    }
    if (is_there || !rest.empty() || !absent_too || !value.is(JsonType::object)) return;
    found.push_back({.object = value, .member = {}, .base = base, .name = step.name});
}

/// One request on its way to one target.
class Rewriter {
public:
    Rewriter(ChatRequest const& request, string_view target_model, UnsupportedPolicy policy, BodyDraft& draft)
        : draft_(draft),
          model_(target_model),
          policy_(policy),
          names_(request.names),
          message_names_(request.message_names) {}

    void apply(ParameterRules const& rules);
    Rewritten result() { return std::move(result_); }

private:
    void apply(ParameterRule const& rule);
    bool is_about(ParameterRule const& rule);
    bool holds_here(Condition const& condition);
    bool permits(ParameterRule const& rule);
    void note(ParameterRule const& rule, string_view value_before);

    void apply_to_field(ParameterRule const& rule);
    void rename(ParameterRule const& rule, DraftField& field);
    void use_tools(ParameterRule const& rule, DraftField& field, JsonValue value);
    void count_logprobs(ParameterRule const& rule, DraftField& field, JsonValue value);
    void apply_inside(ParameterRule const& rule, std::span<Step const> steps);
    bool change(ParameterRule const& rule, Inner const& inner, Converted const& to);
    bool move_thoughts(Inner const& inner);
    void set(string_view name, std::string json);

    BodyDraft& draft_;
    string_view model_;
    UnsupportedPolicy policy_;
    std::uint64_t names_;
    std::uint64_t message_names_;
    JsonIndex scratch_;
    Rewritten result_;
};

void Rewriter::apply(ParameterRules const& rules) {
    for (std::size_t block = 0; block < rules.blocks(); ++block) {
        auto left = rules.candidates(block, names_, message_names_);
        while (left != 0) {
            auto const at = static_cast<unsigned>(std::countr_zero(left));
            auto const names = names_;
            apply(rules[block * 64 + at]);
            left &= left - 1;
            if (names == names_) continue;
            auto const behind = at == 63 ? 0 : ~std::uint64_t{0} << (at + 1);
            left = rules.candidates(block, names_, message_names_) & behind;
        }
    }
}

void Rewriter::apply(ParameterRule const& rule) {
    if (!is_about(rule)) return;
    if (string_view(rule.field).find_first_of(".[") == string_view::npos) return apply_to_field(rule);
    apply_inside(rule, steps_of(rule.field));
}

bool Rewriter::is_about(ParameterRule const& rule) {
    bool const may_be_there =
        (rule.needs & ~names_) == 0 && (rule.message_needs & ~message_names_) == 0 && rule.action != RuleAction::keep;
    if (!may_be_there || !matches_model(rule.models, model_)) return false;
    bool const is_there = adds(rule.action) || draft_.has(first_name(rule.field));
    if (!is_there) return false;
    auto const of_request = [](Condition const& condition) { return !condition.path.starts_with('.'); };
    for (auto const& condition : rule.when) {
        if (of_request(condition) && !holds_here(condition)) return false;
    }
    for (auto const& condition : rule.unless) {
        if (of_request(condition) && holds_here(condition)) return false;
    }
    return true;
}

/// A condition on the request, as the rules before this one leave it.
bool Rewriter::holds_here(Condition const& condition) {
    string_view const path = condition.path;
    auto const name = first_name(path);
    auto const* const field = draft_.find(name);
    if (field == nullptr) return holds(condition, {});
    auto const read = scratch_.read(field->value());
    return holds(condition, value_at(read ? *read : JsonValue(), path.substr(name.size())));
}

/// Whether the rule's change may be made. Asked only when there is something to change.
bool Rewriter::permits(ParameterRule const& rule) {
    bool const is_exact = rule.severity == Severity::exact && rule.action != RuleAction::reject;
    if (is_exact) return true;
    bool const takes_away = rule.action == RuleAction::drop || rule.action == RuleAction::clamp ||
                            rule.action == RuleAction::force || rule.action == RuleAction::reject;
    if (policy_ == UnsupportedPolicy::pass && takes_away) return false;
    if (policy_ != UnsupportedPolicy::reject && rule.action != RuleAction::reject) return true;
    result_.refused.push_back(&rule);
    return false;
}

void Rewriter::note(ParameterRule const& rule, string_view value_before) {
    result_.adjustments.push_back(
        {.kind = kind_of(rule.action), .severity = rule.severity, .field = rule.field, .why = rule.why});
    if (rule.instruct.empty()) return;
    auto text = rule.instruct;
    constexpr string_view mark = "{value}";
    if (auto const at = text.find(mark); at != std::string::npos) text.replace(at, mark.size(), value_before);
    draft_.add_message(R"({"role":"system","content":)" + json_quoted(text) + "}");
}

void Rewriter::set(string_view name, std::string json) {
    names_ |= name_bit(name);
    if (auto* const field = draft_.find(name)) return draft_.replace(*field, std::move(json));
    draft_.add(name, std::move(json));
}

void Rewriter::apply_to_field(ParameterRule const& rule) {
    auto* const field = draft_.find(rule.field);
    if (field == nullptr) {
        if (!adds(rule.action) || !permits(rule)) return;
        set(rule.field, rule.value);
        return note(rule, "null");
    }
    auto const before = std::string(rule.instruct.empty() ? string_view() : field->value());
    auto const read = scratch_.read(field->value());
    auto const value = read ? *read : JsonValue();
    if (!value.has_value() && !adds(rule.action)) {
        if (rule.action == RuleAction::drop) draft_.remove(*field);  // a null says nothing
        return;
    }
    if (rule.action == RuleAction::reject) {
        permits(rule);
        return;
    }
    if (rule.action == RuleAction::rename) return rename(rule, *field);
    if (rule.conversion == Conversion::logprobs_count) return count_logprobs(rule, *field, value);
    if (rule.conversion == Conversion::tools_from_functions) return use_tools(rule, *field, value);
    auto to = changed(rule, value);
    bool const says_so_already =
        rule.action == RuleAction::force && !rule.instruct.empty() && to.to == Converted::To::same;
    if (says_so_already && permits(rule)) return note(rule, before);
    if (to.to == Converted::To::same || !permits(rule)) return;
    if (to.to == Converted::To::nothing) {
        draft_.remove(*field);
    } else if (rule.to.empty()) {
        draft_.replace(*field, std::move(to.json));
    } else {
        draft_.remove(*field);
        if (draft_.find(rule.to) == nullptr) set(rule.to, std::move(to.json));  // else the client has said it itself
    }
    note(rule, before);
}

void Rewriter::rename(ParameterRule const& rule, DraftField& field) {
    if (!permits(rule)) return;
    auto* const there = draft_.find(rule.to);
    if (there != nullptr && there->value() == "null") draft_.remove(*there);
    if (there != nullptr && !there->removed) {
        draft_.remove(field);
    } else {
        draft_.rename(field, rule.to);
        names_ |= name_bit(rule.to);
    }
    note(rule, {});
}

/// `functions` and `function_call` become `tools` and `tool_choice`; those, if given, win.
void Rewriter::use_tools(ParameterRule const& rule, DraftField& field, JsonValue value) {
    if (!value.is(JsonType::array) || !permits(rule)) return;
    auto tools = tools_from_functions(value);
    draft_.remove(field);
    std::optional<std::string> choice;
    if (auto* const call = draft_.find("function_call")) {
        auto const read = scratch_.read(call->value());
        if (read && read->has_value()) choice = tool_choice_from(*read);
        draft_.remove(*call);
    }
    if (draft_.find("tools") == nullptr) set("tools", std::move(tools));
    if (choice && draft_.find("tool_choice") == nullptr) set("tool_choice", std::move(*choice));
    note(rule, {});
}

/// `logprobs: true, top_logprobs: 3` -> `logprobs: 3`
void Rewriter::count_logprobs(ParameterRule const& rule, DraftField& field, JsonValue value) {
    if (!value.is(JsonType::boolean) || !permits(rule)) return;
    bool const wanted = value.is_true();
    auto* const top = draft_.find("top_logprobs");
    std::string count = "1";
    if (top != nullptr && top->value() != "null") count = top->value();
    if (top != nullptr) draft_.remove(*top);
    if (wanted) {
        draft_.replace(field, std::move(count));
    } else {
        draft_.remove(field);
    }
    note(rule, {});
}

void Rewriter::apply_inside(ParameterRule const& rule, std::span<Step const> steps) {
    auto* const field = draft_.find(steps.front().name);
    if (field == nullptr) return;
    auto const root = draft_.open(*field);
    if (!root) return;
    std::vector<Inner> found;
    collect(root, steps.subspan(1), field->original->value_begin, adds(rule.action), found);
    auto const fits = [](Inner const& inner) {
        return [&inner](Condition const& condition) {
            return !condition.path.starts_with('.') || holds(condition, value_at(inner.object, condition.path));
        };
    };
    auto const is_excluded = [&fits](Inner const& inner) {
        return [test = fits(inner)](Condition const& condition) {
            return condition.path.starts_with('.') && test(condition);
        };
    };
    std::optional<bool> permitted;
    bool any = false;
    std::string before;
    for (auto const& inner : found) {
        if (!std::ranges::all_of(rule.when, fits(inner)) || std::ranges::any_of(rule.unless, is_excluded(inner)))
            continue;
        auto const value = inner.member.value;
        bool const special = rule.action == RuleAction::rename || rule.action == RuleAction::reject ||
                             rule.conversion == Conversion::thinking_part;
        auto const to = special ? Converted{} : changed(rule, value);
        if (special ? !value.has_value() : to.to == Converted::To::same) continue;
        if (!permitted) permitted = permits(rule);
        if (!*permitted) return;
        if (!any && !rule.instruct.empty()) before = value.raw();
        any |= change(rule, inner, to);
    }
    if (any) note(rule, before);
}

bool Rewriter::change(ParameterRule const& rule, Inner const& inner, Converted const& to) {
    if (rule.conversion == Conversion::thinking_part) return move_thoughts(inner);
    if (rule.action == RuleAction::rename) {
        bool const taken = inner.object[rule.to].has_value();
        return taken ? draft_.remove(inner) : draft_.rename(inner, rule.to);
    }
    if (to.to == Converted::To::nothing) return draft_.remove(inner) && inner.member.value.has_value();
    if (!inner.member.value) return draft_.add(inner, to.json);
    if (rule.to.empty()) return draft_.replace(inner, to.json);
    bool const gone = draft_.remove(inner);
    Inner const new_one{.object = inner.object, .member = {}, .base = inner.base, .name = rule.to};
    if (gone && !inner.object[rule.to].has_value()) draft_.add(new_one, to.json);
    return gone;
}

/// {"reasoning_content":"r","content":"c"} -> {"content":[{thinking of r},{text c}]}
bool Rewriter::move_thoughts(Inner const& inner) {
    if (!draft_.remove(inner)) return false;
    Inner content{.object = inner.object, .member = {}, .base = inner.base, .name = "content"};
    for (auto const& member : inner.object.members()) {
        if (member.named("content")) content.member = member;
    }
    auto parts = content_with_thoughts(inner.member.value, content.member.value);
    return content.member.value ? draft_.replace(content, std::move(parts)) : draft_.add(content, parts);
}

}  // namespace

Rewritten rewrite(ChatRequest const& request, ParameterRules const& rules, string_view target_model,
                  UnsupportedPolicy policy, BodyDraft& draft) {
    Rewriter rewriter(request, target_model, policy, draft);
    rewriter.apply(rules);
    return rewriter.result();
}

std::vector<ParameterRule const*> refused_by(ChatRequest const& request, ParameterRules const& rules,
                                             string_view target_model, UnsupportedPolicy policy) {
    if (!rules.may_refuse(policy)) return {};
    // Under a policy that looks at all of them a name may come from an earlier rule.
    bool might = policy == UnsupportedPolicy::reject;
    for (std::size_t block = 0; block < rules.blocks(); ++block) {
        auto left = rules.candidates(block, request.names, request.message_names);
        for (; left != 0; left &= left - 1) {
            auto const& rule = rules[block * 64 + static_cast<unsigned>(std::countr_zero(left))];
            might |= rule.action == RuleAction::reject && matches_model(rule.models, target_model);
        }
    }
    if (!might) return {};
    BodyDraft draft(request);
    return rewrite(request, rules, target_model, policy, draft).refused;
}

}  // namespace sluice::parameters
