#include "server/cli/migrate/traffic.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "providers/parameters/rewrite.hpp"
#include "server/api/chat_request_reader.hpp"

namespace sluice::cli {
namespace {

using Json = nlohmann::json;

/// A count of tokens, wherever it stands; nothing for what is none.
std::int64_t count_at(Json const& json, std::initializer_list<char const*> names) {
    constexpr std::int64_t most = 1'000'000'000;  // nobody's prompt
    for (char const* name : names) {
        auto const found = json.find(name);
        if (found == json.end() || !found->is_number()) continue;
        return static_cast<std::int64_t>(std::clamp(found->get<double>(), 0.0, static_cast<double>(most)));
    }
    return 0;
}

Json const& member(Json const& json, char const* name) {
    static Json const nothing = Json::object();
    auto const found = json.find(name);
    return found == json.end() || !found->is_object() ? nothing : *found;
}

/// What `json` says about tokens: OpenAI's `usage`, or members of Sluice's access log.
std::optional<Usage> usage_of(Json const& json) {
    if (auto const& usage = member(json, "usage"); !usage.empty()) {
        return Usage{.input = count_at(usage, {"prompt_tokens", "input_tokens"}),
                     .output = count_at(usage, {"completion_tokens", "output_tokens"}),
                     .cached_input = count_at(member(usage, "prompt_tokens_details"), {"cached_tokens"}),
                     .reasoning = count_at(member(usage, "completion_tokens_details"), {"reasoning_tokens"}),
                     .source = UsageSource::provider};
    }
    if (!json.contains("gen_ai.usage.input_tokens")) return std::nullopt;
    return Usage{.input = count_at(json, {"gen_ai.usage.input_tokens"}),
                 .output = count_at(json, {"gen_ai.usage.output_tokens"}),
                 .cached_input = count_at(json, {"gen_ai.usage.cache_read.input_tokens"}),
                 .cache_write = count_at(json, {"gen_ai.usage.cache_creation.input_tokens"}),
                 .reasoning = count_at(json, {"gen_ai.usage.reasoning.output_tokens"}),
                 .source = UsageSource::provider};
}

/// The request in a line: itself, or a member of it; empty: there is none.
std::string body_of(Json const& json, std::string_view line) {
    if (json.contains("messages")) return std::string(line);
    for (char const* name : {"request", "body"}) {
        auto const found = json.find(name);
        if (found == json.end()) continue;
        if (found->is_string()) return found->get<std::string>();
        if (found->is_object()) return found->dump(-1, ' ', false, Json::error_handler_t::replace);
    }
    return {};
}

bool has_image(Json const& request) {
    for (Json const& message : request.value("messages", Json::array())) {
        if (!message.is_object()) continue;
        for (Json const& part : message.value("content", Json())) {
            if (part.is_object() && (part.contains("image_url") || part.value("type", Json()) == "image")) return true;
        }
    }
    return false;
}

std::int64_t estimated(std::size_t bytes) { return static_cast<std::int64_t>((bytes + 3) / 4); }

void add_tokens(Usage& to, Usage const& more) {
    to.input += more.input;
    to.output += more.output;
    to.cached_input += more.cached_input;
    to.cache_write += more.cache_write;
    to.reasoning += more.reasoning;
}

NanoUsd cost_at(Side const& side, Usage const& usage) {
    auto const* const row = side.known.row;
    return row != nullptr && row->prices ? cost_of(usage, *row->prices) : NanoUsd{};
}

/// Stops at the largest amount instead of passing it.
void add_cost(NanoUsd& to, NanoUsd more) {
    if (__builtin_add_overflow(to.count, more.count, &to.count)) to.count = std::numeric_limits<std::int64_t>::max();
}

parameters::Rewritten rewritten_for(Side const& side, ChatRequest const& request) {
    parameters::BodyDraft draft(request);
    return parameters::rewrite(request, side.profile->settings.parameters, side.model, UnsupportedPolicy::drop, draft);
}

}  // namespace

void Traffic::refuse(std::string message) {
    ++bad;
    if (bad_lines.size() < most_bad_lines) bad_lines.push_back({.number = lines, .message = std::move(message)});
}

void Traffic::add(std::string_view line) {
    ++lines;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos) return;
    auto const json = Json::parse(line, nullptr, false);
    if (!json.is_object()) return refuse(json.is_discarded() ? "not JSON" : "not a JSON object");
    auto const usage = usage_of(json);
    auto const body = body_of(json, line);
    if (!body.empty()) return count(body, usage.value_or(Usage{}), usage.has_value());
    if (!usage) return refuse("neither a request (`messages`, `request` or `body`) nor `usage`");
    ++usage_only;
    charge(*usage, true);
}

void Traffic::charge(Usage const& usage, bool has_usage) {
    ++(has_usage ? with_usage : without_usage);
    add_tokens(tokens, usage);
    add_cost(cost_from, cost_at(from_, usage));
    add_cost(cost_to, cost_at(to_, usage));
}

void Traffic::count(std::string_view body, Usage const& usage, bool has_usage) {
    constexpr ChatLimits any{.max_choices = 128, .max_output_tokens = 1'000'000'000};
    auto const request = read_chat_request(body, any);
    if (!request) return refuse(request.error().message.empty() ? "not a chat request" : request.error().message);
    ++requests;
    count_rules(*request);
    auto const json = Json::parse(body, nullptr, false);
    if (json.is_object()) {
        with_images += has_image(json) ? 1 : 0;
        requires_tool += json.value("tool_choice", Json()) == "required" ? 1 : 0;
        with_json_schema += member(json, "response_format").value("type", Json()) == "json_schema" ? 1 : 0;
    }
    with_tools += request->has_tools ? 1 : 0;
    streaming_tools += request->has_tools && request->stream ? 1 : 0;
    Usage spent = usage;
    if (!has_usage) spent = {.input = estimated(request->prompt_bytes), .source = UsageSource::estimated};
    auto const answer = request->max_output_tokens.value_or(0);
    auto const context = static_cast<std::int64_t>(to_.known.facts.context);
    auto const longest = static_cast<std::int64_t>(to_.known.facts.max_output);
    over_context += context > 0 && spent.input + std::max(answer, spent.output) > context ? 1 : 0;
    over_output += longest > 0 && answer > longest ? 1 : 0;
    charge(spent, has_usage);
}

void Traffic::count_rules(ChatRequest const& request) {
    auto const before = rewritten_for(from_, request);
    auto const after = rewritten_for(to_, request);
    if (!before.refused.empty()) ++refused_before;
    auto const note = [this](std::string_view field, std::string_view change, std::string_view severity,
                             std::string_view why) {
        auto& row = fields[std::string(field) + " " + std::string(change)];
        ++row.requests;
        row.change = change;
        row.severity = severity;
        row.why = why;
    };
    std::set<std::string_view> refusals;
    for (ParameterRule const* rule : after.refused) {
        bool const is_old =
            std::ranges::any_of(before.refused, [rule](auto const* old) { return old->field == rule->field; });
        if (!is_old && refusals.insert(rule->field).second) note(rule->field, "refused", "refused", rule->why);
    }
    bool is_changed = false;
    std::set<std::pair<std::string_view, Adjustment::Kind>> seen;
    for (Adjustment const& each : after.adjustments) {
        bool const is_old = std::ranges::any_of(before.adjustments, [&each](Adjustment const& old) {
            return old.field == each.field && (old.kind == each.kind || old.kind == Adjustment::Kind::dropped);
        });
        if (is_old || each.field.empty() || each.severity == Severity::exact) continue;
        is_changed = true;
        if (seen.insert({each.field, each.kind}).second)
            note(each.field, to_string(each.kind), to_string(each.severity), each.why);
    }
    if (!refusals.empty()) {
        ++refused;
    } else if (is_changed) {
        ++changed;
    } else {
        ++unchanged;
    }
}

}  // namespace sluice::cli
