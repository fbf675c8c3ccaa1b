#include "config/import/litellm_names.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "config/catalogue.hpp"

namespace sluice::config {
namespace {

/// LiteLLM's names for providers, where they are not the catalogue's (docs.litellm.ai/docs/providers, read 2026-11),
/// and the variable that it reads the key from, where that is not the profile's first.
struct Prefix {
    std::string_view name;
    std::string_view type;
    std::string_view variable;
};
constexpr std::array prefixes{
    Prefix{"anthropic", "anthropic-compat", ""},
    Prefix{"azure", "azure", "AZURE_API_KEY"},
    Prefix{"cohere_chat", "cohere", ""},
    Prefix{"custom_openai", "custom", "OPENAI_API_KEY"},
    Prefix{"dashscope", "alibaba", ""},
    Prefix{"fireworks_ai", "fireworks", ""},
    Prefix{"hosted_vllm", "vllm", ""},
    Prefix{"litellm_proxy", "custom", "LITELLM_PROXY_API_KEY"},
    Prefix{"llamafile", "custom", ""},
    Prefix{"lm_studio", "custom", ""},
    Prefix{"nvidia_nim", "nvidia", "NVIDIA_NIM_API_KEY"},
    Prefix{"ollama_chat", "ollama", ""},
    Prefix{"openai_like", "custom", ""},
    Prefix{"replicate", "replicate", "REPLICATE_API_KEY"},
    Prefix{"together_ai", "together", "TOGETHERAI_API_KEY"},
    Prefix{"vertex_ai", "vertex", "VERTEX_ACCESS_TOKEN"},
    Prefix{"vertex_ai_beta", "vertex", "VERTEX_ACCESS_TOKEN"},
    Prefix{"huggingface", "huggingface", "HF_TOKEN"},
};

/// Of a model without a prefix: LiteLLM knows whose it is.
std::string_view owner_of(std::string_view model) {
    for (std::string_view const start : {"gpt-", "chatgpt-", "o1", "o3", "o4", "ft:gpt-"})
        if (model.starts_with(start)) return "openai";
    if (model.starts_with("claude-")) return "anthropic";
    if (model.starts_with("command-")) return "cohere_chat";
    if (model.starts_with("deepseek-")) return "deepseek";
    if (model.starts_with("mistral-") || model.starts_with("codestral-")) return "mistral";
    return {};
}

bool is_chat(std::string_view model) {
    constexpr std::array<std::string_view, 7> others{"embed",      "whisper", "tts-",     "dall-e",
                                                     "moderation", "rerank",  "gpt-image"};
    return std::ranges::none_of(others, [model](std::string_view word) { return model.contains(word); });
}

std::string first_variable(std::string const& type) {
    auto const* const profile = find_profile(type);
    return profile == nullptr || profile->key_variables.empty() ? std::string() : profile->key_variables.front();
}

/// Ids that are written in another way on the path that Sluice uses.
std::expected<LitellmModel, std::string> adapted(LitellmModel made) {
    std::string& model = made.model;
    if (!is_chat(model)) return std::unexpected("this version serves chat completions only");
    if (made.type == "vertex") {
        if (model.starts_with("gemini/")) model.erase(0, 7);
        if (model.starts_with("gemini-")) model.insert(0, "google/");
        bool const is_there = model.starts_with("google/") || model.starts_with("meta/") || model == "*";
        if (!is_there)
            return std::unexpected("this model is not on Vertex AI's OpenAI path, the only one this version speaks");
    }
    if (made.type == "bedrock") {
        for (std::string_view const route : {"converse/", "invoke/", "converse_like/"})
            if (model.starts_with(route)) model.erase(0, route.size());
        if (!model.starts_with("openai.") && model != "*")
            return std::unexpected("this model is not on Bedrock's OpenAI path, the only one this version speaks");
    }
    if (made.type == "azure" && model.starts_with("o_series/")) model.erase(0, 9);
    return made;
}

}  // namespace

std::expected<LitellmModel, std::string> read_litellm_model(std::string_view text) {
    if (text.empty()) return std::unexpected("`model` is missing");
    if (text == "*")
        return std::unexpected("a star alone means every provider: write one `\"PROVIDER/*\": PROVIDER/*` for each");
    auto const slash = text.find('/');
    std::string_view name = text.substr(0, slash);
    std::string_view model = slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
    if (slash == std::string_view::npos) {
        name = owner_of(text);
        model = text;
        if (name.empty())
            return std::unexpected("it names no provider, and Sluice does not guess one: write PROVIDER/MODEL");
    }
    if (model.empty() || std::ranges::count(model, '*') > 1)
        return std::unexpected("this is not PROVIDER/MODEL with at most one star");
    auto const found = std::ranges::find(prefixes, name, &Prefix::name);
    LitellmModel made{
        .type = std::string(found == prefixes.end() ? name : found->type), .model = std::string(model), .variable = {}};
    if (find_profile(made.type) == nullptr)
        return std::unexpected("this version has no provider `" + made.type +
                               "`; `type: custom` with a `base_url` fits any OpenAI-compatible one");
    made.variable =
        found == prefixes.end() || found->variable.empty() ? first_variable(made.type) : std::string(found->variable);
    return adapted(std::move(made));
}

std::optional<std::string> per_million(std::string_view per_token) {
    std::string digits;
    int point = 0;  // digits behind it
    int exponent = 0;
    bool is_behind = false;
    auto const e = per_token.find_first_of("eE");
    for (char c : per_token.substr(0, e)) {
        if (c == '.' && !is_behind) {
            is_behind = true;
        } else if (c >= '0' && c <= '9') {
            digits += c;
            point += is_behind ? 1 : 0;
        } else {
            return std::nullopt;
        }
    }
    if (e != std::string_view::npos) {
        auto rest = per_token.substr(e + 1);
        if (rest.starts_with('+')) rest.remove_prefix(1);
        auto const [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), exponent);
        if (error != std::errc() || end != rest.data() + rest.size()) return std::nullopt;
    }
    if (digits.empty() || digits.size() > 30 || exponent < -30 || exponent > 6) return std::nullopt;
    int const behind = point - exponent - 6;  // digits behind the point once it is per million
    if (behind <= 0) digits.append(static_cast<std::size_t>(-behind), '0');
    if (behind > 0) {
        auto const places = static_cast<std::size_t>(behind);
        if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
        digits.insert(digits.size() - places, ".");
        digits.erase(digits.find_last_not_of('0') + 1);
        if (digits.ends_with('.')) digits.pop_back();
    }
    auto const first = digits.find_first_not_of('0');
    if (first == std::string::npos) return "0";
    return digits[first] == '.' ? digits.substr(first - 1) : digits.substr(first);
}

std::optional<std::string> duration_of_seconds(std::string_view seconds) {
    double value = 0;
    auto const [end, error] = std::from_chars(seconds.data(), seconds.data() + seconds.size(), value);
    if (error != std::errc() || end != seconds.data() + seconds.size() || !(value > 0) || value > 86'400)
        return std::nullopt;
    auto const milliseconds = std::max<long>(1, std::lround(value * 1000));
    return milliseconds % 1000 == 0 ? std::to_string(milliseconds / 1000) + "s" : std::to_string(milliseconds) + "ms";
}

}  // namespace sluice::config
