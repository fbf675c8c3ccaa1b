#include "server/lab/decorator.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/lab/json_path.hpp"

namespace sluice::lab {
namespace {

using json = nlohmann::ordered_json;

/// One number of `{prompt+text}`.
std::int64_t count_of(std::string_view name, json const& usage, std::uint64_t cached) {
    auto number = [&usage](char const* key) { return usage.value(key, std::int64_t{0}); };
    auto details = usage.value("completion_tokens_details", json::object());
    auto reasoning = details.is_object() ? details.value("reasoning_tokens", std::int64_t{0}) : 0;
    auto from_cache = std::min(static_cast<std::int64_t>(cached), number("prompt_tokens"));
    if (name == "prompt") return number("prompt_tokens");
    if (name == "completion") return number("completion_tokens");
    if (name == "total") return number("total_tokens");
    if (name == "reasoning") return reasoning;
    if (name == "text") return number("completion_tokens") - reasoning;
    if (name == "cached") return from_cache;
    if (name == "uncached") return number("prompt_tokens") - from_cache;
    return 0;
}

/// Texts such as "{prompt+text}" become numbers, at any depth.
void fill_in(json& value, json const& usage, std::uint64_t cached) {
    if (value.is_structured())
        for (auto& child : value) fill_in(child, usage, cached);
    if (!value.is_string()) return;
    auto text = value.get<std::string>();
    if (text.size() < 3 || !text.starts_with('{') || !text.ends_with('}')) return;
    std::int64_t sum = 0;
    std::string_view rest = std::string_view(text).substr(1, text.size() - 2);
    while (!rest.empty()) {
        auto end = std::min(rest.find('+'), rest.size());
        sum += count_of(rest.substr(0, end), usage, cached);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    value = sum;
}

/// A null never takes the place of a value: it only makes a member appear.
void add(json& to, json const& extra, char const* where) {
    auto found = extra.find(where);
    if (found == extra.end() || !to.is_object()) return;
    for (auto const& [key, value] : found->items())
        if (!value.is_null() || !to.contains(key)) to[key] = value;
}

void add_usage(json& owner, json const& extra, Options const& options) {
    if (!owner.is_object() || !owner.contains("usage") || !owner["usage"].is_object()) return;
    auto& usage = owner["usage"];
    auto const before = usage;
    auto cached = options.cached;
    if (cached > 0 && usage.contains("prompt_tokens_details"))
        usage["prompt_tokens_details"]["cached_tokens"] = count_of("cached", before, cached);
    auto more = extra.value("usage", json::object());
    fill_in(more, before, cached);
    usage.update(more);
}

void drop_nulls(json& value) {
    if (value.is_structured())
        for (auto& child : value) drop_nulls(child);
    if (!value.is_object()) return;
    for (auto member = value.begin(); member != value.end();)
        member = member->is_null() ? value.erase(member) : std::next(member);
}

void finish(json& document, json const& extra, Options const& options) {
    add_usage(document, extra, options);
    if (document.contains("x_groq")) add_usage(document["x_groq"], extra, options);
    for (auto& choice : document["choices"]) add_usage(choice, extra, options);
    if (options.omit_nulls) drop_nulls(document["choices"]);
    for (auto const& path : options.omit) erase_path(document, path);
}

void add_to_calls(json& message, json const& extra, bool& has_called) {
    auto calls = message.find("tool_calls");
    if (calls == message.end() || !calls->is_array()) return;
    for (auto& call : *calls) {
        if (call.value("id", "").empty()) continue;
        add(call, extra, "tool_call");
        if (!std::exchange(has_called, true)) add(call, extra, "first_tool_call");
    }
}

json parsed(std::string const& text) { return json::parse(text, nullptr, false); }
std::string dumped(json const& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

std::string Decorator::chunk(std::string text) {
    if (!options_.is_decorated()) return text;
    auto document = parsed(text);
    if (!document.is_object() || !document.contains("choices")) return text;
    auto extra = options_.extra ? parsed(*options_.extra) : json::object();
    bool ends = false;
    for (auto& choice : document["choices"]) {
        bool is_last = choice.contains("finish_reason") && !choice["finish_reason"].is_null();
        ends = ends || is_last;
        auto& delta = choice["delta"];
        if (delta.contains("content") && delta["content"].is_string()) said_ += delta["content"].get<std::string>();
        if (options_.cumulative) choice["message"] = {{"role", "assistant"}, {"content", said_}};
        if (!is_last) add(delta, extra, "delta");
        add_to_calls(delta, extra, has_called_);
        add(choice, extra, "choice");
        if (is_last) add(choice, extra, "finish_choice");
    }
    add(document, extra, "chunk");
    if (!std::exchange(has_begun_, true)) add(document, extra, "first_chunk");
    if (ends) add(document, extra, "finish_chunk");
    if (document["choices"].empty()) add(document, extra, "usage_chunk");
    finish(document, extra, options_);
    return dumped(document);
}

std::string Decorator::answer(std::string text) {
    if (!options_.is_decorated()) return text;
    auto document = parsed(text);
    if (!document.is_object() || !document.contains("choices")) return text;
    auto extra = options_.extra ? parsed(*options_.extra) : json::object();
    for (auto& choice : document["choices"]) {
        add(choice["message"], extra, "message");
        add_to_calls(choice["message"], extra, has_called_);
        add(choice, extra, "choice");
        add(choice, extra, "finish_choice");
    }
    add(document, extra, "answer");
    finish(document, extra, options_);
    return dumped(document);
}

}  // namespace sluice::lab
