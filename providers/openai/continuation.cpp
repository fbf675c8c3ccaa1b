#include "providers/openai/continuation.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "core/json/json_index.hpp"
#include "core/json/json_string.hpp"
#include "core/types/error.hpp"

namespace sluice::openai {
namespace {

using std::string_view;

/// Fields whose presence is enough: the answer is no plain text, has more than its text, or has a form that is counted
/// from its first byte.
constexpr std::array<string_view, 14> other_forms{
    "logprobs",       "top_logprobs",       "audio",   "functions",   "echo", "guided_json", "guided_regex",
    "guided_grammar", "structured_outputs", "grammar", "json_schema", "ebnf", "regex",       "guided_choice"};

bool is_off(string_view value) {
    return value == "null" || value == "false" || value == "0" || value == "[]" || value == "{}" || value == R"("")";
}

/// Inside of quotes; other values have none.
string_view text_of(string_view value) {
    return value.size() >= 2 && value.front() == '"' ? value.substr(1, value.size() - 2) : string_view{};
}

bool is_plain(string_view name, string_view value) {
    if (is_off(value)) return true;
    if (std::ranges::find(other_forms, name) != other_forms.end()) return false;
    if (name == "tool_choice") return text_of(value) == "auto" || text_of(value) == "none";
    if (name != "response_format" && name != "modalities" && name != "messages") return true;
    JsonIndex index;
    auto const read = index.read(value);
    if (!read) return false;
    if (name == "response_format") return (*read)["type"].string() == "text";
    if (name == "modalities") {
        for (auto const form : read->elements()) {
            if (form.string() != "text") return false;
        }
        return true;
    }
    // Whether the first target went on with an assistant's message or answered it is not known.
    JsonValue last;
    for (auto const message : read->elements()) last = message;
    return last["role"].unescaped() != "assistant";
}

Error refused(std::string what) {
    return {.kind = ErrorKind::unsupported_parameter, .detail = "can't go on with the text: " + std::move(what)};
}

std::string message_with(string_view text, ProviderSettings const& provider) {
    auto message = R"({"role":"assistant","content":)" + json_quoted(text);
    for (auto const& [name, value] : provider.continue_message_members) {
        message.append(",").append(json_quoted(name)).append(":").append(value);
    }
    return message += "}";
}

/// What is left of a limit of output tokens.
void lower(string_view name, std::int64_t produced, parameters::BodyDraft& draft) {
    auto* const field = draft.has(name) ? draft.find(name) : nullptr;
    if (field == nullptr) return;
    std::int64_t limit = 0;
    auto const value = field->value();
    auto const [end, status] = std::from_chars(value.data(), value.data() + value.size(), limit);
    if (status != std::errc() || end != value.data() + value.size()) return;
    draft.replace(*field, std::to_string(std::max<std::int64_t>(limit - produced, 1)));
}

}  // namespace

bool may_continue(ChatRequest const& request) {
    if (request.choices != 1 || request.fields.size() > ChatRequest::most_fields) return false;
    return std::ranges::all_of(request.fields, [&request](RequestField const& field) {
        auto const name = field.name(request.body);
        auto const value = field.value(request.body);
        return field.name_escaped ? is_plain(unescaped(name), value) : is_plain(name, value);
    });
}

Result<> ask_to_continue(ChatRequest const& request, Continuation const& continuation, ProviderSettings const& provider,
                         parameters::BodyDraft& draft) {
    if (!may_continue(request)) return std::unexpected(refused("the request asks for more than text"));
    if (!draft.append_message(message_with(continuation.text, provider))) {
        return std::unexpected(refused("the messages are written anew for this provider"));
    }
    for (auto const* const name : {"max_tokens", "max_completion_tokens"}) {
        lower(name, continuation.usage.output, draft);
    }
    for (auto const& [name, value] : provider.continue_request_members) {
        if (auto* const field = draft.find(name)) {
            draft.replace(*field, value);
        } else {
            draft.add(name, value);
        }
    }
    return {};
}

}  // namespace sluice::openai
