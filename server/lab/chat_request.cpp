#include "server/lab/chat_request.hpp"

#include <simdjson.h>

namespace sluice::lab {
namespace {

namespace od = simdjson::ondemand;
static_assert(body_padding >= simdjson::SIMDJSON_PADDING);

bool is_null(od::value& value) {
    od::json_type type{};
    return value.type().get(type) != simdjson::SUCCESS || type == od::json_type::null;
}

std::string_view text_of(od::value value) {
    std::string_view text;
    if (value.get_string().get(text) != simdjson::SUCCESS) return {};
    return text;
}

std::string_view raw(od::value value) {
    std::string_view text;
    if (simdjson::to_json_string(value).get(text) != simdjson::SUCCESS) return {};
    return text;
}

unsigned number(od::value value, unsigned otherwise) {
    std::uint64_t wide = 0;
    if (value.get_uint64().get(wide) != simdjson::SUCCESS) return otherwise;
    return static_cast<unsigned>(wide);
}

bool flag(od::value value) {
    bool set = false;
    return value.get_bool().get(set) == simdjson::SUCCESS && set;
}

/// The text of a message's content: a string, or the last of its text parts. `bytes` gets the length of all of them.
std::string_view content_text(od::value content, std::size_t& bytes) {
    od::json_type type{};
    if (content.type().get(type) != simdjson::SUCCESS) return {};
    std::string_view last;
    if (type == od::json_type::string) last = text_of(content);
    if (type == od::json_type::string) bytes += last.size();
    if (type != od::json_type::array) return last;
    for (auto part : content.get_array()) {
        od::value text;
        if (part["text"].get(text) != simdjson::SUCCESS) continue;
        last = text_of(text);
        bytes += last.size();
    }
    return last;
}

void read_messages(od::value messages, ChatRequest& out) {
    od::array list;
    if (messages.get_array().get(list) != simdjson::SUCCESS) return;
    for (auto entry : list) {
        od::object message;
        if (entry.get_object().get(message) != simdjson::SUCCESS) continue;
        std::string_view role, text;
        for (auto member : message) {
            std::string_view key;
            od::value value;
            if (member.unescaped_key().get(key) != simdjson::SUCCESS || member.value().get(value) != simdjson::SUCCESS)
                break;
            if (key == "role") role = text_of(value);
            if (key == "content") text = content_text(value, out.prompt_bytes);
        }
        out.last_role = role;
        if (role == "user") out.last_user_text = text;
    }
}

void read_tool_choice(od::value value, ChatRequest& out) {
    od::json_type type{};
    if (value.type().get(type) != simdjson::SUCCESS) return;
    if (type == od::json_type::string) {
        auto word = text_of(value);
        if (word == "none") out.tool_choice = ToolChoice::none;
        if (word == "required" || word == "any") out.tool_choice = ToolChoice::required;
    } else if (type == od::json_type::object) {
        out.tool_choice = ToolChoice::required;
        od::value name;
        if (value["function"]["name"].get(name) != simdjson::SUCCESS) return;
        out.tool_choice = ToolChoice::named;
        out.tool_name = text_of(name);
    }
}

void read_member(std::string_view key, od::value value, ChatRequest& out) {
    if (key == "messages") return read_messages(value, out);
    if (is_null(value)) return;
    if (key == "model") out.model = text_of(value);
    if (key == "stream") out.stream = flag(value);
    if (key == "logprobs") out.logprobs = flag(value);
    if (key == "parallel_tool_calls") out.parallel_tool_calls = flag(value);
    if (key == "n") out.n = number(value, 1);
    if (key == "top_logprobs") out.top_logprobs = number(value, 0);
    if (key == "max_tokens" || key == "max_completion_tokens") out.max_tokens = number(value, 0);
    if (key == "tools") out.tools = raw(value);
    if (key == "response_format") out.response_format = raw(value);
    if (key == "lab") out.lab = raw(value);
    if (key == "tool_choice") read_tool_choice(value, out);
    if (key == "stream_options") {
        od::value wanted;
        if (value["include_usage"].get(wanted) == simdjson::SUCCESS) out.include_usage = flag(wanted);
    }
}

}  // namespace

std::expected<ChatRequest, std::string> read_chat_request(std::string_view body) {
    static thread_local od::parser parser;
    static thread_local od::document document;
    simdjson::padded_string_view padded(body.data(), body.size(), body.size() + body_padding);
    od::object root;
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
        document.get_object().get(root) != simdjson::SUCCESS)
        return std::unexpected("the request body is not a JSON object");
    ChatRequest out;
    for (auto member : root) {
        std::string_view key;
        od::value value;
        if (member.unescaped_key().get(key) != simdjson::SUCCESS || member.value().get(value) != simdjson::SUCCESS)
            return std::unexpected("the request body is not valid JSON");
        read_member(key, value, out);
    }
    if (document.current_location().error() == simdjson::SUCCESS)
        return std::unexpected("the request body goes on after its JSON object");
    if (out.model.empty()) return std::unexpected("you must provide a model parameter");
    return out;
}

}  // namespace sluice::lab
