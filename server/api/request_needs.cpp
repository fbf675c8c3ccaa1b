#include "server/api/request_needs.hpp"

#include "core/policy/complexity.hpp"

namespace sluice {
namespace {

using std::string_view;

// The estimate of a prompt's tokens. English and code have about four bytes to a token, a message about four tokens of
// its own (role and separators: github openai/openai-cookbook, How_to_count_tokens_with_tiktoken, read 2026-11), and an
// image of usual size some hundreds (85 to 1,105 at OpenAI: platform.openai.com/docs/guides/images-vision, 2026-11).
constexpr std::size_t bytes_per_token = 4;
constexpr std::int64_t tokens_per_message = 4;
constexpr std::int64_t tokens_per_image = 768;

/// Whether an effort asks for thoughts: a model without any takes the rest for what it does anyway.
bool is_thoughtful(string_view effort) {
    return !effort.empty() && effort != "none" && effort != "minimal" && effort != "off" && effort != "disabled";
}

/// `required`, `any`, a function by its name, or a set of allowed tools of which one must be called.
bool forces_a_call(JsonValue choice) {
    if (!choice.is(JsonType::object)) return choice.string() == "required" || choice.string() == "any";
    if (choice["type"].string() != "allowed_tools") return true;
    auto const allowed = choice["allowed_tools"];
    return (allowed ? allowed : choice)["mode"].string() == "required";
}

/// OpenRouter's `reasoning` object.
bool asks_for_thoughts(JsonValue reasoning) {
    if (!reasoning.is(JsonType::object)) return false;
    if (auto const enabled = reasoning["enabled"]; enabled.has_value() && !enabled.is_true()) return false;
    auto const effort = reasoning["effort"];
    return !effort.is(JsonType::string) || is_thoughtful(effort.string());
}

}  // namespace

bool RequestNeeds::is_image(string_view type) {
    return type == "image_url" || type == "input_image" || type == "image";
}

void RequestNeeds::see_part(string_view type) {
    if (type == "text") return;
    if (is_image(type)) {
        needs_.add(Capability::vision);
        ++images_;
    }
    if (type == "input_audio" || type == "audio_url") needs_.add(Capability::audio);
}

void RequestNeeds::see_tools(JsonValue list) {
    for (auto const tool : list.elements()) tools_ += tool ? 1 : 0;
    tool_bytes_ += list.raw().size();
}

void RequestNeeds::read(JsonMember const& member) {
    auto const value = member.value;
    if (!value.has_value()) return;
    if (member.named("tool_choice")) {
        forces_a_call_ = forces_a_call(value);
    } else if (member.named("parallel_tool_calls")) {
        wants_parallel_calls_ = value.is_true();
    } else if (member.named("response_format")) {
        auto const type = value["type"].string();
        if (type == "json_object") needs_.add(Capability::json_object);
        if (type == "json_schema") needs_.add(Capability::json_schema);
    } else if (member.named("reasoning_effort")) {
        if (is_thoughtful(value.string())) needs_.add(Capability::reasoning);
    } else if (member.named("reasoning")) {
        if (asks_for_thoughts(value)) needs_.add(Capability::reasoning);
    } else if (member.named("modalities")) {
        for (auto const modality : value.elements()) {
            if (modality.string() == "audio") needs_.add(Capability::audio);
        }
    } else if (member.named("functions")) {  // what tools were called once
        see_tools(value);
    }
}

void RequestNeeds::complete(ChatRequest& request) const {
    auto& facts = request.facts;
    facts.needs = needs_;
    facts.stream = request.stream;
    facts.tools = tools_;
    facts.output_tokens = request.max_output_tokens.value_or(0);
    auto const bytes = request.prompt_bytes + tool_bytes_;
    facts.input_tokens = static_cast<std::int64_t>((bytes + bytes_per_token - 1) / bytes_per_token) +
                         tokens_per_message * facts.messages + tokens_per_image * images_;
    if (facts.tools > 0) {  // without tools these say nothing, and a model that lacks them does not mind
        facts.needs.add(Capability::tools);
        if (facts.stream) facts.needs.add(Capability::stream_tools);
        if (wants_parallel_calls_) facts.needs.add(Capability::parallel_tools);
        if (forces_a_call_) facts.needs.add(Capability::required_tool);
    }
    facts.complexity = complexity_of(facts);
}

}  // namespace sluice
