#include "server/api/chat_request_reader.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace sluice;

namespace {

constexpr char const* minimal = R"("model":"m","messages":[{"role":"user","content":"hi"}])";

std::string with(std::string const& members) { return std::string("{") + minimal + "," + members + "}"; }

Result<ChatRequest> read(std::string const& body) {
    return read_chat_request(body, {.max_choices = 4, .max_output_tokens = 1000});
}

ChatRequest accepted(std::string const& body) {
    CAPTURE(body);
    auto request = read(body);
    REQUIRE(request);
    return *request;
}

std::string text_at(ChatRequest const& request, Span span) {
    return std::string(request.body.substr(span.offset, span.length));
}

}  // namespace

TEST_CASE("a request gives its facts and where they stand", "[request]") {
    std::string const body =
        R"( {"stream":true, "model" : "openai/gpt-4o:free" ,"stream_options": {"include_usage" : true} ,
        "messages":[{"role":"system","content":"Be\nkind"},{"role":"user","content":[{"type":"text","text":"12345"},
        {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAAAAAA"}}]},
        {"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"c","content":"ok"}],
        "n":2,"max_tokens":10,"max_completion_tokens":20,"temperature":0.7,"tools":[{"type":"function"}],"x":{"y":[1.50]}} )";
    auto const request = accepted(body);
    CHECK(request.requested_model == "openai/gpt-4o:free");
    CHECK(text_at(request, request.model_value) == R"("openai/gpt-4o:free")");
    CHECK(request.stream);
    CHECK(request.include_usage);
    REQUIRE(request.stream_options_value);
    CHECK(text_at(request, *request.stream_options_value) == R"({"include_usage" : true})");
    CHECK(request.choices == 2);
    CHECK(request.max_output_tokens == 20);
    CHECK(request.has_tools);
    CHECK(request.first_member == 2);
    CHECK(request.prompt_bytes == 8 + 5 + 2 + 2);
    CHECK(request.body.data() == body.data());
}

TEST_CASE("what a request leaves out has its default", "[request]") {
    auto const request = accepted(std::string("{") + minimal + "}");
    CHECK_FALSE(request.stream);
    CHECK_FALSE(request.include_usage);
    CHECK_FALSE(request.stream_options_value);
    CHECK(request.choices == 1);
    CHECK_FALSE(request.max_output_tokens);
    CHECK_FALSE(request.has_tools);
}

TEST_CASE("null stands for a field that is left out", "[request]") {
    auto const body =
        with(R"("stream":null,"stream_options":null,"n":null,"max_tokens":null,"max_completion_tokens":null,)"
             R"("temperature":null,"tools":null,"best_of":null)");
    auto const request = accepted(body);
    CHECK_FALSE(request.stream);
    CHECK(request.choices == 1);
    REQUIRE(request.stream_options_value);
    CHECK(text_at(request, *request.stream_options_value) == "null");
}

TEST_CASE("names and values are read without their escapes", "[request]") {
    std::string const body = R"({"mod\u0065l":"gpt\u002d4\/x","messages":[{"r\u006fle":"user"}],"str\u0065am":true})";
    auto const request = accepted(body);
    CHECK(request.requested_model == "gpt-4/x");
    CHECK(text_at(request, request.model_value) == R"("gpt\u002d4\/x")");
    CHECK(request.stream);
}

TEST_CASE("fields that the gateway does not use may hold anything", "[request]") {
    accepted(with(
        R"("logit_bias":[],"user":7,"seed":"x","response_format":null,"api_base":"http://127.0.0.1","stop":{"a":1,"a":2})"));
}

TEST_CASE("a value of the wrong type or range is refused by name", "[request]") {
    auto const [members, param] = GENERATE(table<std::string, std::string>({
        {R"("stream":"true")", "stream"},
        {R"("stream":1)", "stream"},
        {R"("stream":[])", "stream"},
        {R"("stream_options":true)", "stream_options"},
        {R"("stream_options":[])", "stream_options"},
        {R"("stream_options":{"include_usage":1})", "stream_options.include_usage"},
        {R"("stream_options":{"include_usage":"true"})", "stream_options.include_usage"},
        {R"("n":0)", "n"},
        {R"("n":5)", "n"},
        {R"("n":-1)", "n"},
        {R"("n":1.5)", "n"},
        {R"("n":"1")", "n"},
        {R"("n":true)", "n"},
        {R"("n":99999999999999999999)", "n"},
        {R"("best_of":5)", "best_of"},
        {R"("max_tokens":0)", "max_tokens"},
        {R"("max_tokens":1001)", "max_tokens"},
        {R"("max_tokens":1e2)", "max_tokens"},
        {R"("max_tokens":"10")", "max_tokens"},
        {R"("max_tokens":-0)", "max_tokens"},
        {R"("max_completion_tokens":1001)", "max_completion_tokens"},
        {R"("max_completion_tokens":{})", "max_completion_tokens"},
        {R"("temperature":"hot")", "temperature"},
        {R"("temperature":2.01)", "temperature"},
        {R"("temperature":-0.1)", "temperature"},
        {R"("temperature":1e300)", "temperature"},
        {R"("tools":{})", "tools"},
        {R"("tools":"x")", "tools"},
    }));
    CAPTURE(members);
    auto const request = read(with(members));
    REQUIRE_FALSE(request);
    CHECK(request.error().kind == ErrorKind::invalid_value);
    CHECK(request.error().param == param);
    CHECK(request.error().message.starts_with("'" + param + "' must be "));
}

TEST_CASE("model and messages are required, and must be what they should", "[request]") {
    auto const messages = std::string(R"("messages":[{"role":"user","content":"hi"}])");
    auto const [body, param] = GENERATE_COPY(table<std::string, std::string>({
        {"{}", "model"},
        {"{" + messages + "}", "model"},
        {"{" + messages + R"(,"model":null})", "model"},
        {"{" + messages + R"(,"model":7})", "model"},
        {"{" + messages + R"(,"model":["m"]})", "model"},
        {R"({"model":"m"})", "messages"},
        {R"({"model":"m","messages":[]})", "messages"},
        {R"({"model":"m","messages":{}})", "messages"},
        {R"({"model":"m","messages":null})", "messages"},
        {R"({"model":"m","messages":"hi"})", "messages"},
        {R"({"model":"m","messages":["hi"]})", "messages"},
        {R"({"model":"m","messages":[{}]})", "messages"},
        {R"({"model":"m","messages":[{"role":1}]})", "messages"},
        {R"({"model":"m","messages":[{"role":"user"},null]})", "messages"},
    }));
    CAPTURE(body);
    auto const request = read(body);
    REQUIRE_FALSE(request);
    CHECK(request.error().kind == ErrorKind::invalid_value);
    CHECK(request.error().param == param);
}

TEST_CASE("a body for the Responses API is told so", "[request]") {
    auto const request = read(R"({"model":"m","input":"hi"})");
    REQUIRE_FALSE(request);
    CHECK(request.error().param == "messages");
    CHECK(request.error().message.find("Responses API") != std::string::npos);
}

TEST_CASE("a model name is short and plain", "[request]") {
    auto const good = GENERATE(as<std::string>(), "m", "gpt-4o", "openai/gpt-oss-120b", "accounts/fireworks/models/a",
                               "qwen:7b", "org/Name@v1+x_y", "4o", "a.b");
    CHECK(accepted(R"({"model":")" + good + R"(","messages":[{"role":"user"}]})").requested_model == good);
    accepted(R"({"model":")" + std::string(128, 'a') + R"(","messages":[{"role":"user"}]})");
}

TEST_CASE("any other model name is refused", "[request]") {
    auto const bad =
        GENERATE(as<std::string>(), "", " m", "m ", "-m", "/m", ".m", "a..b", "../x", "a b", "a\\nb", "a\\u0000",
                 "m\xC3\xA9", "a%2e", "a?b", "a#b", "a\\\\b", "a\\\"b", std::string(129, 'a'), "@x");
    CAPTURE(bad);
    auto const request = read(R"({"model":")" + bad + R"(","messages":[{"role":"user"}]})");
    REQUIRE_FALSE(request);
    CHECK(request.error().kind == ErrorKind::invalid_value);
    CHECK(request.error().param == "model");
}

TEST_CASE("a name that occurs twice is refused, also when it is escaped", "[request]") {
    auto const [body, name] = GENERATE(table<std::string, std::string>({
        {with(R"("model":"x")"), "model"},
        {with(R"("mod\u0065l":"x")"), "model"},
        {with(R"("messages":[])"), "messages"},
        {with(R"("x":1,"y":2,"x":3)"), "x"},
        {with(R"("\u0078":1,"\u0078":3)"), "x"},
        {with(R"("":1,"":3)"), ""},
        {with(R"("a\nb":1,"a\u000ab":3)"), "a?b"},
        {with(R"("stream_options":{"include_usage":true,"include_usage":false})"), "include_usage"},
        {R"({"model":"m","messages":[{"role":"user","content":"a","content":"b"}]})", "content"},
        {R"({"model":"m","messages":[{"role":"user","r\u006fle":"system"}]})", "role"},
    }));
    CAPTURE(body);
    auto const request = read(body);
    REQUIRE_FALSE(request);
    CHECK(request.error().kind == ErrorKind::duplicate_key);
    CHECK(request.error().param == name);
    CHECK(request.error().message.find("'" + name + "' occurs twice") != std::string::npos);
}

TEST_CASE("what is no JSON object is refused with the place", "[request]") {
    auto const [body, place] = GENERATE(table<std::string, std::string>({
        {"", "(byte 0)"},
        {"null", "object"},
        {"[]", "object"},
        {"\"model\"", "object"},
        {"7", "object"},
        {"{\n  \"model\": \"m\",\n  \"messages\": [,]\n}", "expected a value at line 3, column 16 (byte 33)"},
        {std::string("{") + minimal, "line 1"},
        {std::string("{") + minimal + "}}", "follows"},
        {std::string("{") + minimal + "} {}", "follows"},
        {with("\"x\":NaN"), "expected a value"},
        {with("\"x\":1e999"), "out of range"},
        {with("\"x\":\"\xFF\""), "UTF-8"},
        {with("\"x\":\"\\ud800\""), "escape"},
        {with("\"x\":" + std::string(65, '1')), "number is too long"},
        {with("\"x\":'a'"), "expected a value"},
        {with("x:1"), "member name"},
        {with(""), "member name"},
    }));
    CAPTURE(body);
    auto const request = read(body);
    REQUIRE_FALSE(request);
    CHECK(request.error().kind == ErrorKind::invalid_json);
    CHECK(request.error().message.find(place) != std::string::npos);
    CHECK(request.error().message.str().find('\n') == std::string::npos);
}

TEST_CASE("tool schemas may nest deeply, but not without end", "[request]") {
    auto const nested = [](std::size_t depth) {
        return with("\"x\":" + std::string(depth, '[') + std::string(depth, ']'));
    };
    accepted(nested(127));
    CHECK(read(nested(128)).error().kind == ErrorKind::invalid_json);
}
