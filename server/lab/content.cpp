#include "server/lab/content.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "server/lab/example_value.hpp"

namespace sluice::lab {
namespace {

using json = nlohmann::ordered_json;

constexpr auto vocabulary = std::to_array<std::string_view>(
    {"water", "runs",   "down",  "the",   "channel", "and",   "every", "gate",  "opens", "in",     "turn",
     "until", "a",      "quiet", "river", "carries", "each",  "word",  "to",    "where", "it",     "belongs",
     "while", "levels", "hold",  "over",  "night",   "under", "snow",  "again", "with",  "little", "effort"});

std::string word_at(std::size_t index, Random& random, std::size_t bytes) {
    std::string word = index == 0 ? "" : " ";
    word += vocabulary[random.next() % vocabulary.size()];
    if (bytes > 0) word.resize(bytes, 'x');
    return word;
}

std::vector<std::string> made_up(std::size_t count, Random& random, std::size_t bytes) {
    std::vector<std::string> words;
    words.reserve(count);
    for (std::size_t i = 0; i < count; ++i) words.push_back(word_at(i, random, bytes));
    return words;
}

void replace(std::string& text, std::string_view name, std::string const& value) {
    if (auto at = text.find(name); at != std::string::npos) text.replace(at, name.size(), value);
}

std::string tool_id(Options const& options, std::string const& name, std::size_t index, Random& random) {
    constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuvwxyz";
    std::string id = options.tool_id;
    for (char& c : id)
        if (c == '?') c = digits[random.next() % digits.size()];
    replace(id, "{name}", name);
    replace(id, "{index}", std::to_string(index));
    return id;
}

/// The functions that a request offers: name and parameter schema.
std::vector<std::pair<std::string, json>> offered_tools(ChatRequest const& request) {
    std::vector<std::pair<std::string, json>> out;
    auto tools = json::parse(request.tools, nullptr, false);
    if (!tools.is_array()) return out;
    for (auto const& tool : tools) {
        if (!tool.is_object() || !tool.contains("function") || !tool["function"].is_object()) continue;
        auto const& function = tool["function"];
        auto name =
            function.contains("name") && function["name"].is_string() ? function["name"].get<std::string>() : "";
        if (request.tool_choice == ToolChoice::named && name != request.tool_name) continue;
        out.emplace_back(name, function.contains("parameters") ? function["parameters"] : json::object());
    }
    return out;
}

std::vector<ToolCall> make_tool_calls(ChatRequest const& request, Options const& options, Random& random) {
    bool forced = request.tool_choice == ToolChoice::required || request.tool_choice == ToolChoice::named;
    bool wanted = forced || (options.tool_calls > 0 && request.last_role != "tool");
    if (request.tools.empty() || request.tool_choice == ToolChoice::none || !wanted) return {};
    auto tools = offered_tools(request);
    if (tools.empty()) return {};
    auto count = request.parallel_tool_calls ? std::max(1U, options.tool_calls) : 1U;
    std::vector<ToolCall> calls;
    for (std::size_t i = 0; i < count; ++i) {
        auto const& [name, parameters] = tools[i % tools.size()];
        auto arguments = options.tool_arguments ? *options.tool_arguments : example_value(parameters).dump();
        calls.push_back({tool_id(options, name, i, random), name, std::move(arguments)});
    }
    return calls;
}

/// The JSON that `response_format` asks for, or nothing.
std::string structured(ChatRequest const& request) {
    auto format = json::parse(request.response_format, nullptr, false);
    if (!format.is_object() || !format.contains("type")) return {};
    if (format["type"] == "json_object") return R"({"answer":"example"})";
    if (format["type"] != "json_schema" || !format.contains("json_schema")) return {};
    auto const& wrapper = format["json_schema"];
    if (!wrapper.is_object() || !wrapper.contains("schema")) return {};
    return example_value(wrapper["schema"]).dump();
}

std::vector<std::string> make_words(ChatRequest const& request, Options const& options, Random& random,
                                    std::size_t word_bytes) {
    if (options.empty) return {};
    if (!request.response_format.empty())
        if (auto text = structured(request); !text.empty()) return split_words(text);
    if (options.refusal) return split_words("I can't help with that.");
    if (options.echo) return split_words(request.last_user_text);
    if (options.text) return split_words(*options.text);
    return made_up(options.tokens, random, word_bytes);
}

std::uint64_t count_tokens(Choice const& choice) {
    std::uint64_t count = choice.words.size() + choice.reasoning.size();
    for (auto const& call : choice.tool_calls)
        count += 1 + (call.arguments.size() + tool_token_bytes - 1) / tool_token_bytes;
    return count;
}

Choice make_choice(ChatRequest const& request, Options const& options, Random& random, std::size_t word_bytes) {
    Choice choice;
    choice.reasoning = made_up(options.reasoning, random, 0);
    choice.finish_reason = "stop";
    choice.tool_calls = make_tool_calls(request, options, random);
    if (choice.tool_calls.empty())
        choice.words = make_words(request, options, random, word_bytes);
    else
        choice.finish_reason = "tool_calls";
    if (request.max_tokens && *request.max_tokens > 0 && choice.words.size() > *request.max_tokens) {
        choice.words.resize(*request.max_tokens);
        choice.finish_reason = "length";
    }
    if (options.finish_reason) choice.finish_reason = *options.finish_reason;
    if (auto word = options.finish_reasons.find(choice.finish_reason); word != options.finish_reasons.end())
        choice.finish_reason = word->second;
    return choice;
}

}  // namespace

Content make_content(ChatRequest const& request, Options const& options, Random& random, std::size_t word_bytes) {
    Content content;
    content.usage.prompt = (request.prompt_bytes + 3) / 4;
    for (unsigned i = 0; i < std::clamp(request.n, 1U, 128U); ++i) {
        content.choices.push_back(make_choice(request, options, random, word_bytes));
        content.usage.completion += count_tokens(content.choices.back());
        content.usage.reasoning += content.choices.back().reasoning.size();
    }
    return content;
}

std::string joined(std::vector<std::string> const& words) {
    std::string text;
    for (auto const& word : words) text += word;
    return text;
}

std::vector<std::string> split_words(std::string_view text) {
    std::vector<std::string> words;
    std::size_t from = 0;
    while (from < text.size()) {
        auto letters = text.find_first_not_of(" \n", from);
        auto end = letters == std::string_view::npos ? letters : text.find_first_of(" \n", letters);
        end = std::min(end, text.size());
        words.emplace_back(text.substr(from, end - from));
        from = end;
    }
    return words;
}

}  // namespace sluice::lab
