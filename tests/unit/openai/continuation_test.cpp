#include "providers/openai/continuation.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "providers/openai/encode.hpp"
#include "server/api/chat_request_reader.hpp"

using namespace sluice;

namespace {

constexpr char const* ask = R"("messages":[{"role":"user","content":"hi"}])";

ChatRequest read(std::string const& body) {
    auto request = read_chat_request(body, {});
    REQUIRE(request);
    return *request;
}

Continuation so_far(std::string text, std::int64_t output = 10) {
    Continuation continuation;
    continuation.text = std::move(text);
    continuation.usage.output = output;
    return continuation;
}

std::string continued(std::string const& body, Continuation const& continuation,
                      ProviderSettings const& provider = {}) {
    auto const request = read(body);
    auto const made = openai::encode(request, {.provider = provider, .model = "m", .continuation = &continuation});
    REQUIRE(made);
    std::string out;
    for (auto const piece : spliced(body, made->edits)) out += piece;
    CHECK(nlohmann::json::accept(out));
    return out;
}

}  // namespace

TEST_CASE("the text becomes the last message, and every other byte stays", "[openai][continuation]") {
    std::string const head = R"({ "model":"m", "messages" : [ {"role":"user","content":"h\u00e9"} )";
    std::string const tail = R"( ], "temperature":1.000, "x":[1e5]})";
    CHECK(continued(head + tail, so_far("He said: \"no\"\n\xC3\xA9")) ==
          head + R"( ,{"role":"assistant","content":"He said: \"no\"\né"}])" + tail.substr(2));
}

TEST_CASE("members of the provider's go into the message and the request", "[openai][continuation]") {
    ProviderSettings provider;
    provider.continue_message_members = {{"prefix", "true"}};
    provider.continue_request_members = {{"continue_final_message", "true"}, {"add_generation_prompt", "false"}};
    auto const body = std::string(R"({"model":"m",)") + ask + R"(,"add_generation_prompt":true})";
    auto const sent = nlohmann::json::parse(continued(body, so_far("a"), provider));
    CHECK(sent["messages"].back() == nlohmann::json({{"role", "assistant"}, {"content", "a"}, {"prefix", true}}));
    CHECK(sent["continue_final_message"] == true);
    CHECK(sent["add_generation_prompt"] == false);
}

TEST_CASE("what was produced is taken off the limits of output", "[openai][continuation]") {
    auto const [limits, expected] = GENERATE(table<std::string, std::string>({
        {R"("max_tokens":100)", R"("max_tokens":90)"},
        {R"("max_completion_tokens":100)", R"("max_completion_tokens":90)"},
        {R"("max_tokens":7,"max_completion_tokens":11)", R"("max_tokens":1,"max_completion_tokens":1)"},
        {R"("max_tokens":null)", R"("max_tokens":null)"},
    }));
    auto const body = std::string(R"({"model":"m",)") + limits + "," + ask + "}";
    auto const sent = continued(body, so_far("a", 10));
    CHECK(sent.find(expected) != std::string::npos);
}

TEST_CASE("only requests for one plain text may be continued", "[openai][continuation]") {
    auto const [members, may] = GENERATE(table<std::string, bool>({
        {R"("temperature":0)", true},
        {R"("n":1)", true},
        {R"("n":2)", false},
        {R"("logprobs":false)", true},
        {R"("logprobs":true)", false},
        {R"("top_logprobs":0)", true},
        {R"("top_logprobs":3)", false},
        {R"("response_format":null)", true},
        {R"("response_format":{"type":"text"})", true},
        {R"("response_format":{"type":"json_object"})", false},
        {R"("response_format":{"type":"json_schema","json_schema":{}})", false},
        {R"("response_\u0066ormat":{"type":"json_object"})", false},
        {R"("modalities":["text"])", true},
        {R"("modalities":["text","audio"])", false},
        {R"("audio":{"voice":"x"})", false},
        {R"("tools":[{"type":"function","function":{"name":"f"}}])", true},
        {R"("tool_choice":"auto")", true},
        {R"("tool_choice":"none")", true},
        {R"("tool_choice":"required")", false},
        {R"("tool_choice":{"type":"function"})", false},
        {R"("guided_json":{"type":"object"})", false},
        {R"("grammar":"root ::= x")", false},
        {R"("echo":true)", false},
    }));
    auto const body = std::string(R"({"model":"m",)") + members + "," + ask + "}";
    CAPTURE(body);
    auto const request = read(body);
    CHECK(openai::may_continue(request) == may);
    auto const continuation = so_far("a");
    auto const made = openai::encode(request, {.provider = {}, .model = "m", .continuation = &continuation});
    CHECK(made.has_value() == may);
    if (!made) CHECK(made.error().kind == ErrorKind::unsupported_parameter);
}

TEST_CASE("a request that ends with an assistant's message is not continued", "[openai][continuation]") {
    auto const role = GENERATE(as<std::string>(), "assistant", R"(assist\u0061nt)");
    auto const body =
        R"({"model":"m","messages":[{"role":"user","content":"hi"},{"content":"I","role":")" + role + "\"}]}";
    CHECK_FALSE(openai::may_continue(read(body)));
}
