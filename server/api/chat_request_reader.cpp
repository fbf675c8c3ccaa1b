#include "server/api/chat_request_reader.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/json/json_index.hpp"
#include "core/json/json_string.hpp"
#include "core/types/parameter_rule.hpp"
#include "server/api/request_needs.hpp"

namespace sluice {
namespace {

using std::string_view;

constexpr std::size_t usual_fields = 12;
constexpr std::size_t kept_size = 1024 * 1024;  ///< the index of a larger body is given back

std::unexpected<Error> refuse(ErrorKind kind, std::string message, string_view param = {}) {
    return std::unexpected(Error{.kind = kind, .message = std::move(message), .param = std::string(param)});
}

std::unexpected<Error> invalid(string_view param, string_view what) {
    return refuse(ErrorKind::invalid_value, "'" + std::string(param) + "' " + std::string(what), param);
}

/// "invalid JSON: expected ':' at line 3, column 14 (byte 57)"
std::unexpected<Error> invalid_json(string_view body, JsonFault const& fault) {
    auto const before = body.substr(0, fault.offset);
    auto const line = 1 + std::count(before.begin(), before.end(), '\n');
    auto const column = before.size() - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
    return refuse(ErrorKind::invalid_json, "invalid JSON: " + std::string(fault.problem) + " at line " +
                                               std::to_string(line) + ", column " + std::to_string(column) + " (byte " +
                                               std::to_string(fault.offset) + ")");
}

/// Whether `object` has only a few members, none with an escape in its name, and all different. Comparing each pair of
/// a handful costs a fraction of sorting it.
bool has_few_distinct_names(JsonValue object) {
    std::array<string_view, 16> names;
    std::size_t count = 0;
    for (auto const& member : object.members()) {
        if (count == names.size() || member.name_escaped) return false;
        for (std::size_t i = 0; i < count; ++i) {
            if (names[i] == member.name) return false;
        }
        names[count++] = member.name;
    }
    return true;
}

/// A name that occurs twice in `object`, or nothing. Sorting keeps an object with a million members cheap.
std::optional<std::string> find_duplicate(JsonValue object) {
    if (has_few_distinct_names(object)) return std::nullopt;
    thread_local std::vector<string_view> names;
    std::vector<std::string> without_escapes;
    names.clear();
    for (auto const& member : object.members()) {
        if (!member.name_escaped || member.name.find('\\') == string_view::npos) {
            names.push_back(member.name);
        } else {
            without_escapes.push_back(unescaped(member.name));
        }
    }
    names.insert(names.end(), without_escapes.begin(), without_escapes.end());
    std::sort(names.begin(), names.end());
    auto const same = std::adjacent_find(names.begin(), names.end());
    auto duplicate = same == names.end() ? std::nullopt : std::optional<std::string>(*same);
    if (names.capacity() > 1024) names = {};
    return duplicate;
}

Result<> check_names(JsonValue object, string_view where) {
    auto const name = find_duplicate(object);
    if (!name) return {};
    return refuse(ErrorKind::duplicate_key, "the member '" + shown(*name) + "' occurs twice in " + std::string(where),
                  shown(*name));
}

bool is_model_byte(char c) {
    bool const alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return alnum || string_view("._:/@+-").find(c) != string_view::npos;
}

bool is_model_name(string_view name) {
    if (name.empty() || name.size() > 128 || name.find("..") != string_view::npos) return false;
    bool const starts_well =
        is_model_byte(name.front()) && string_view("._:/@+-").find(name.front()) == string_view::npos;
    return starts_well && std::all_of(name.begin(), name.end(), is_model_byte);
}

bool is_usual_role(string_view role) {
    return role == "user" || role == "assistant" || role == "system" || role == "tool";
}

Span span_of(JsonValue value) { return {value.offset(), value.raw().size()}; }

/// Reads one body. The fields come in the order of the client.
class Reader {
public:
    Reader(string_view body, ChatLimits const& limits) : limits_(limits) { request_.body = body; }

    Result<ChatRequest> read(JsonValue root) {
        if (!root.is(JsonType::object)) return refuse(ErrorKind::invalid_json, "the body must be a JSON object");
        SLUICE_CHECK(check_names(root, "the request"));
        request_.first_member = root.offset() + 1;
        request_.fields.reserve(usual_fields);
        for (auto const& member : root.members()) {
            keep(member);
            SLUICE_CHECK(read_member(member));
        }
        if (request_.model_value.length == 0) return invalid("model", "is required: the name of a model");
        if (!has_messages_) {
            return invalid("messages", has_input_
                                           ? "is required; a body with 'input' is for the Responses API (/v1/responses)"
                                           : "is required: a list of messages");
        }
        needs_.complete(request_);
        return std::move(request_);
    }

private:
    void keep(JsonMember const& member);
    Result<> read_member(JsonMember const& member);
    Result<> read_model(JsonValue value);
    Result<> read_messages(JsonValue value);
    Result<> read_message(JsonValue message);
    Result<> read_stream(JsonValue value);
    Result<> read_stream_options(JsonValue value);
    Result<> read_tools(JsonValue value);
    Result<> read_temperature(JsonValue value);
    Result<> read_count(string_view name, JsonValue value, std::int64_t most, std::int64_t& count);
    Result<> read_token_limit(string_view name, JsonValue value);
    Result<> count_prompt(JsonMember const& member);
    Result<> count_part(JsonValue part);
    void count_image(JsonValue image);
    Result<> count_call(JsonValue call);

    ChatLimits limits_;
    ChatRequest request_;
    bool has_messages_ = false;
    bool has_input_ = false;
    RequestNeeds needs_;
};

/// name_bit of a member's name.
std::uint64_t bit_of(JsonMember const& member) {
    bool const has_escapes = member.name_escaped && member.name.find('\\') != string_view::npos;
    return has_escapes ? name_bit(unescaped(member.name)) : name_bit(member.name);
}

void Reader::keep(JsonMember const& member) {
    if (request_.fields.size() > ChatRequest::most_fields) return;
    auto const [begin, size] = span_of(member.value);
    request_.fields.push_back({.name_begin = static_cast<std::uint32_t>(member.name_begin),
                               .name_size = static_cast<std::uint32_t>(member.name.size()),
                               .value_begin = static_cast<std::uint32_t>(begin),
                               .value_size = static_cast<std::uint32_t>(size),
                               .name_escaped = member.name_escaped});
    if (request_.fields.size() <= ChatRequest::most_fields) request_.names |= bit_of(member);
}

Result<> Reader::read_member(JsonMember const& member) {
    auto const value = member.value;
    if (member.named("model")) return read_model(value);
    if (member.named("messages")) return read_messages(value);
    if (member.named("stream")) return read_stream(value);
    if (member.named("stream_options")) return read_stream_options(value);
    if (member.named("tools")) return read_tools(value);
    if (member.named("temperature")) return read_temperature(value);
    if (member.named("n")) return read_count("n", value, limits_.max_choices, request_.choices);
    if (member.named("best_of")) {
        std::int64_t best_of = 1;
        return read_count("best_of", value, limits_.max_choices, best_of);
    }
    if (member.named("max_tokens")) return read_token_limit("max_tokens", value);
    if (member.named("max_completion_tokens")) return read_token_limit("max_completion_tokens", value);
    if (member.named("input")) has_input_ = true;
    needs_.see(member);
    return {};
}

Result<> Reader::read_model(JsonValue value) {
    if (!value.is(JsonType::string)) return invalid("model", "must be a string: the name of a model");
    request_.requested_model = value.unescaped();
    request_.model_value = span_of(value);
    if (is_model_name(request_.requested_model)) return {};
    return invalid("model",
                   "must be 1 to 128 letters, digits or ._:/@+-, begin with a letter or digit and not contain '..'");
}

Result<> Reader::read_messages(JsonValue value) {
    if (!value.is(JsonType::array) || value.elements().empty()) {
        return invalid("messages", "must be a list with at least one message");
    }
    has_messages_ = true;
    for (auto const message : value.elements()) {
        SLUICE_CHECK(read_message(message));
        ++request_.facts.messages;
    }
    return {};
}

Result<> Reader::read_message(JsonValue message) {
    if (!message.is(JsonType::object)) return invalid("messages", "must hold objects only");
    SLUICE_CHECK(check_names(message, "a message"));
    bool has_role = false;
    for (auto const& member : message.members()) {
        if (member.named("role")) {
            has_role = member.value.is(JsonType::string);
            if (!is_usual_role(member.value.string())) request_.message_names |= name_bit("role");
        } else {
            request_.message_names |= bit_of(member);
        }
        SLUICE_CHECK(count_prompt(member));
    }
    return has_role ? Result<>{} : invalid("messages", "must have a 'role' in each message, a string");
}

/// Text only: an image or a file has no tokens that its bytes could tell. A name that stands twice in what is counted
/// would let a prompt be larger for the provider than it is here.
Result<> Reader::count_prompt(JsonMember const& member) {
    if (member.named("content")) {
        request_.prompt_bytes += member.value.string().size();
        if (member.value.is(JsonType::array)) request_.message_names |= name_bit("content[]");
        for (auto const part : member.value.elements()) SLUICE_CHECK(count_part(part));
    } else if (member.named("tool_calls")) {
        for (auto const call : member.value.elements()) SLUICE_CHECK(count_call(call));
    }
    return {};
}

Result<> Reader::count_part(JsonValue part) {
    SLUICE_CHECK(check_names(part, "a part of a message"));
    bool is_image = false;
    for (auto const& member : part.members()) {
        if (member.named("text")) {
            request_.prompt_bytes += member.value.string().size();
        } else if (member.named("type")) {
            is_image = RequestNeeds::is_image(member.value.string());
            needs_.see_part(member.value.string());
        }
    }
    if (is_image) count_image(part["image_url"]);
    return {};
}

/// The data of an image is no text. Forms of it other than OpenAI's count as if it were.
void Reader::count_image(JsonValue image) {
    ++request_.images;
    auto const url = (image.is(JsonType::object) ? image["url"] : image).string();
    if (url.starts_with("data:image")) request_.image_data_bytes += url.size();
}

Result<> Reader::count_call(JsonValue call) {
    auto const function = call["function"];
    SLUICE_CHECK(check_names(call, "a tool call"));
    SLUICE_CHECK(check_names(function, "a tool call's function"));
    request_.prompt_bytes += function["arguments"].string().size();
    return {};
}

Result<> Reader::read_stream(JsonValue value) {
    if (value.has_value() && !value.is(JsonType::boolean)) return invalid("stream", "must be true, false or null");
    request_.stream = value.is_true();
    return {};
}

Result<> Reader::read_stream_options(JsonValue value) {
    request_.stream_options_value = span_of(value);
    if (!value.has_value()) return {};
    if (!value.is(JsonType::object)) return invalid("stream_options", "must be an object or null");
    SLUICE_CHECK(check_names(value, "stream_options"));
    auto const usage = value["include_usage"];
    if (usage.has_value() && !usage.is(JsonType::boolean)) {
        return invalid("stream_options.include_usage", "must be true or false");
    }
    request_.include_usage = usage.is_true();
    return {};
}

Result<> Reader::read_tools(JsonValue value) {
    if (value.has_value() && !value.is(JsonType::array)) return invalid("tools", "must be a list or null");
    request_.has_tools = !value.elements().empty();
    if (request_.has_tools) needs_.see_tools(value);
    return {};
}

Result<> Reader::read_temperature(JsonValue value) {
    if (!value.has_value()) return {};
    auto const temperature = value.number();
    if (temperature && *temperature >= 0 && *temperature <= 2) return {};
    return invalid("temperature", "must be a number from 0 to 2, or null");
}

Result<> Reader::read_count(string_view name, JsonValue value, std::int64_t most, std::int64_t& count) {
    if (!value.has_value()) return {};
    auto const given = value.integer();
    if (!given || *given < 1 || *given > most) {
        return invalid(name, "must be a whole number from 1 to " + std::to_string(most) + ", or null");
    }
    count = *given;
    return {};
}

/// Of both fields the larger counts: which of them a provider obeys is not known here.
Result<> Reader::read_token_limit(string_view name, JsonValue value) {
    std::int64_t limit = 0;
    SLUICE_CHECK(read_count(name, value, limits_.max_output_tokens, limit));
    if (limit > 0) request_.max_output_tokens = std::max(limit, request_.max_output_tokens.value_or(0));
    return {};
}

}  // namespace

Result<ChatRequest> read_chat_request(string_view body, ChatLimits const& limits) {
    thread_local JsonIndex index;
    auto const root = index.read(body);
    auto request = root ? Reader(body, limits).read(*root) : invalid_json(body, root.error());
    index.shrink_to(kept_size);
    return request;
}

}  // namespace sluice
