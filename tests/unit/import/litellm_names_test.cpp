#include "config/import/litellm_names.hpp"

#include <catch2/catch.hpp>

#include "config/catalogue.hpp"

using namespace sluice::config;

TEST_CASE("LiteLLM's names for providers become the catalogue's", "[import]") {
    auto const [text, type, model] = GENERATE(table<char const*, char const*, char const*>({
        {"groq/llama-3.3-70b-versatile", "groq", "llama-3.3-70b-versatile"},
        {"together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo", "together", "meta-llama/Llama-3.3-70B-Instruct-Turbo"},
        {"fireworks_ai/accounts/fireworks/models/x", "fireworks", "accounts/fireworks/models/x"},
        {"nvidia_nim/meta/llama3-70b", "nvidia", "meta/llama3-70b"},
        {"dashscope/qwen-max", "alibaba", "qwen-max"},
        {"hosted_vllm/m", "vllm", "m"},
        {"ollama_chat/llama3", "ollama", "llama3"},
        {"anthropic/claude-sonnet-4-5", "anthropic-compat", "claude-sonnet-4-5"},
        {"vertex_ai/gemini-2.5-pro", "vertex", "google/gemini-2.5-pro"},
        {"bedrock/converse/openai.gpt-oss-120b-1:0", "bedrock", "openai.gpt-oss-120b-1:0"},
        {"azure/my-deployment", "azure", "my-deployment"},
        {"gpt-4o", "openai", "gpt-4o"},
        {"claude-3-haiku", "anthropic-compat", "claude-3-haiku"},
        {"openai/*", "openai", "*"},
    }));
    CAPTURE(text);
    auto const meant = read_litellm_model(text);
    REQUIRE(meant);
    CHECK(meant->type == type);
    CHECK(meant->model == model);
}

TEST_CASE("every provider of the catalogue goes by its own name", "[import]") {
    for (Profile const& profile : profiles()) {
        CAPTURE(profile.name);
        auto const meant = read_litellm_model(profile.name + "/google/x");
        if (profile.name == "bedrock") continue;  // not every model is on the path that is spoken there
        REQUIRE(meant);
        CHECK(meant->type == profile.name);
    }
}

TEST_CASE("what can't be translated says why", "[import]") {
    auto const [text, word] = GENERATE(table<char const*, char const*>({
        {"", "missing"},
        {"*", "every provider"},
        {"my-model", "names no provider"},
        {"watsonx/ibm/granite", "no provider `watsonx`"},
        {"openai/text-embedding-3-small", "chat completions only"},
        {"bedrock/anthropic.claude-3", "OpenAI path"},
        {"vertex_ai/claude-3", "OpenAI path"},
        {"openai/*-*", "one star"},
    }));
    CAPTURE(text);
    auto const meant = read_litellm_model(text);
    REQUIRE_FALSE(meant);
    CHECK_THAT(meant.error(), Catch::Contains(word));
}

TEST_CASE("a price per token becomes one per million, digit by digit", "[import]") {
    auto const [text, price] = GENERATE(table<char const*, char const*>({
        {"0.00000015", "0.15"},
        {"1.5e-07", "0.15"},
        {"2.5E-6", "2.5"},
        {"0.00001", "10"},
        {"0", "0"},
        {"0.0", "0"},
        {"1e-05", "10"},
        {"3.75e-06", "3.75"},
        {"1", "1000000"},
        {"0.0000000375", "0.0375"},
        {"1e-9", "0.001"},
    }));
    CAPTURE(text);
    CHECK(per_million(text) == std::string(price));
}

TEST_CASE("what is no price or no time is nothing", "[import]") {
    for (char const* const text : {"", "free", "-1", "1e", "1e-99", "0x1", "1.2.3"}) {
        CAPTURE(text);
        CHECK_FALSE(per_million(text));
    }
    for (char const* const text : {"", "soon", "-1", "0", "1e9", "30s"}) {
        CAPTURE(text);
        CHECK_FALSE(duration_of_seconds(text));
    }
    CHECK(duration_of_seconds("30") == "30s");
    CHECK(duration_of_seconds("0.25") == "250ms");
}
