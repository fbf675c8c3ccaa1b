#include "server/lab/chunk_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "server/lab/error_body.hpp"
#include "server/lab/json_text.hpp"

namespace sluice::lab {
namespace {

std::string one_logprob(std::string_view token, double value) {
    std::string bytes;
    for (char c : token) bytes += (bytes.empty() ? "" : ",") + std::to_string(static_cast<unsigned char>(c));
    return fmt::format(R"("token":{},"logprob":{},"bytes":[{}])", json_quoted(token), value, bytes);
}

std::string tool_calls_json(Choice const& choice, Options const& options) {
    std::string out;
    for (auto const& call : choice.tool_calls) {
        auto arguments = options.tool_quirk == ToolQuirk::object ? call.arguments : json_quoted(call.arguments);
        out += fmt::format(R"({}{{"id":{},"type":"function","function":{{"name":{},"arguments":{}}}}})",
                           out.empty() ? "" : ",", json_quoted(call.id), json_quoted(call.name), arguments);
    }
    return out;
}

std::string content_json(Choice const& choice, Options const& options) {
    auto text = joined(choice.words);
    bool has_text = choice.tool_calls.empty() && !options.refusal;
    if (!choice.reasoning.empty() && options.reasoning_form == ReasoningForm::tags)
        return json_quoted(options.reasoning_open + joined(choice.reasoning) + options.reasoning_close +
                           (has_text ? text : ""));
    if (!choice.reasoning.empty() && options.reasoning_form == ReasoningForm::parts) {
        auto part = has_text ? R"(,{"type":"text","text":)" + json_quoted(text) + '}' : "";
        return '[' + thinking_part(joined(choice.reasoning)) + part + ']';
    }
    return has_text ? json_quoted(text) : "null";
}

std::string message_json(Choice const& choice, Options const& options) {
    std::string out = R"({"role":"assistant","content":)" + content_json(choice, options);
    out += R"(,"refusal":)" + (options.refusal ? json_quoted(joined(choice.words)) : "null");
    if (!choice.reasoning.empty() && options.reasoning_form == ReasoningForm::field)
        out += ',' + reasoning_members(options, joined(choice.reasoning));
    if (!choice.tool_calls.empty()) out += R"(,"tool_calls":[)" + tool_calls_json(choice, options) + ']';
    return out + '}';
}

/// OpenRouter reports a failure in mid-generation inside a 200: the reason is "error" and the choice says which.
std::string choice_error(Options const& options) {
    auto facts = error_facts(options, 502);
    return fmt::format(R"(,"error":{{"code":{},"message":{},"metadata":{{"error_type":{}}}}})",
                       options.error_code.value_or("502"), json_quoted(facts.message), json_quoted(facts.type));
}

}  // namespace

std::string thinking_part(std::string_view text) {
    return R"({"type":"thinking","thinking":[{"type":"text","text":)" + json_quoted(text) + "}]}";
}

std::string reasoning_members(Options const& options, std::string_view text) {
    auto quoted = json_quoted(text);
    auto out = json_quoted(options.reasoning_field) + ':' + quoted;
    if (options.reasoning_details)
        out +=
            R"(,"reasoning_details":[{"type":"reasoning.text","text":)" + quoted + R"(,"format":"unknown","index":0}])";
    return out;
}

std::string usage_json(TokenCounts const& usage) {
    return fmt::format(
        R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":0}},)"
        R"("completion_tokens_details":{{"reasoning_tokens":{}}}}})",
        usage.prompt, usage.completion, usage.prompt + usage.completion, usage.reasoning);
}

std::string chunk_json(Identity const& identity, Options const& options, ChunkParts const& parts) {
    std::string out = "{\"id\":";
    append_quoted(out, parts.anonymous ? "" : identity.id);
    out += R"(,"object":)";
    out += parts.anonymous ? R"("")" : R"("chat.completion.chunk")";
    out += ",\"created\":" + (parts.anonymous ? "0" : std::to_string(identity.created)) + ",\"model\":";
    append_quoted(out, parts.anonymous ? "" : identity.model);
    if (options.provider) out += ",\"provider\":" + json_quoted(*options.provider);
    out += ",\"choices\":[" + parts.choices + ']';
    if (!parts.usage.empty()) out += ",\"usage\":" + parts.usage;
    return out + parts.extra + '}';
}

std::string choice_json(ChoiceParts const& parts) {
    std::string out = "{\"index\":" + std::to_string(parts.index) + ",\"delta\":" + parts.delta;
    if (!parts.logprobs.empty()) out += ",\"logprobs\":" + parts.logprobs;
    out += ",\"finish_reason\":";
    if (parts.finish_reason.empty()) {
        out += "null";
    } else {
        append_quoted(out, parts.finish_reason);
    }
    return out + parts.extra + '}';
}

std::string logprobs_json(std::vector<std::string> const& tokens, unsigned top) {
    std::string out = "{\"content\":[";
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        std::string others;
        for (unsigned k = 0; k < std::min(top, 20U); ++k)
            others += fmt::format("{}{{{}}}", k ? "," : "",
                                  one_logprob(k ? "other" + std::to_string(k) : tokens[i], -0.125 * (k + 1)));
        out += fmt::format("{}{{{},\"top_logprobs\":[{}]}}", i ? "," : "", one_logprob(tokens[i], -0.125), others);
    }
    return out + "],\"refusal\":null}";
}

std::string completion_json(Identity const& identity, Options const& options, ChatRequest const& request,
                            Content const& content) {
    std::string out = fmt::format(R"({{"id":{},"object":"chat.completion","created":{},"model":{},)",
                                  json_quoted(identity.id), identity.created, json_quoted(identity.model));
    if (options.provider) out += "\"provider\":" + json_quoted(*options.provider) + ',';
    out += "\"choices\":[";
    for (std::size_t i = 0; i < content.choices.size(); ++i) {
        auto const& choice = content.choices[i];
        bool failed = options.error_after && i == 0;
        out += fmt::format(R"({}{{"index":{},"message":{},"logprobs":{},"finish_reason":{})", i ? "," : "", i,
                           message_json(choice, options),
                           request.logprobs ? logprobs_json(choice.words, request.top_logprobs) : "null",
                           !options.finish ? "null" : json_quoted(failed ? "error" : choice.finish_reason));
        if (failed) out += choice_error(options);
        if (options.usage == UsageMode::choice) out += ",\"usage\":" + usage_json(content.usage);
        out += '}';
    }
    out += ']';
    if (options.usage != UsageMode::missing && options.usage != UsageMode::choice)
        out += ",\"usage\":" + usage_json(content.usage);
    return out + ",\"system_fingerprint\":\"fp_lab\"}";
}

}  // namespace sluice::lab
