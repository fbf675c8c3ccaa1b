#include "server/lab/chat_request.hpp"

#include <catch2/catch.hpp>

#include "support.hpp"

using namespace sluice::lab;

TEST_CASE("a request's facts are found whatever their order", "[lab]") {
    std::string body =
        R"({"lab":{"tokens":3},"messages":[{"content":"hi","role":"user"},{"role":"assistant","content":null}],"n":2,)"
        R"("stream_options":{"include_usage":true},"unknown":{"deep":[1,{}]},"stream":true,"model":"m","top_logprobs":3,)"
        R"("max_completion_tokens":7,"tool_choice":{"type":"function","function":{"name":"f"}},"tools":[{"a":1}]})";
    body.reserve(body.size() + body_padding);
    auto chat = read_chat_request(body).value();
    CHECK(chat.model == "m");
    CHECK(chat.stream);
    CHECK(chat.include_usage);
    CHECK(chat.n == 2);
    CHECK(chat.top_logprobs == 3);
    CHECK(chat.max_tokens == 7U);
    CHECK(chat.last_user_text == "hi");
    CHECK(chat.last_role == "assistant");
    CHECK(chat.prompt_bytes == 2);
    CHECK(chat.tool_choice == ToolChoice::named);
    CHECK(chat.tool_name == "f");
    CHECK(chat.tools == R"([{"a":1}])");
    CHECK(chat.lab == R"({"tokens":3})");
}

TEST_CASE("escapes in the text are resolved before it is counted", "[lab]") {
    Asked asked(R"({"messages":[{"role":"user","content":"\u00e9\n"}]})");
    CHECK(asked.request.last_user_text == "\xc3\xa9\n");
    CHECK(asked.request.prompt_bytes == 3);
}

TEST_CASE("null members are as good as absent", "[lab]") {
    Asked asked(R"({"stream":null,"stream_options":null,"n":null,"tools":null,"response_format":null})");
    CHECK_FALSE(asked.request.stream);
    CHECK(asked.request.n == 1);
    CHECK(asked.request.tools.empty());
}

TEST_CASE("what is no chat request is refused", "[lab]") {
    auto text = GENERATE("", "[]", "{", R"({"messages":[]})", R"({"model":"m"} x)", R"({"model":"m",})");
    CAPTURE(text);
    std::string body = text;
    body.reserve(body.size() + body_padding);
    CHECK_FALSE(read_chat_request(body).has_value());
}
