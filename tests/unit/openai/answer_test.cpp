#include "providers/openai/answer.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <random>
#include <string>

using namespace sluice;
using enum ErrorKind;

namespace {

Result<AnswerFacts> read(std::string const& body) {
    ChatRequest request;
    request.prompt_bytes = 100;
    return openai::read_answer(request, body);
}

std::string answer(std::string const& message, std::string const& finish = "null", std::string const& rest = "") {
    return R"({"id":"a","object":"chat.completion","model":"m-1","choices":[{"index":0,"message":)" + message +
           R"(,"finish_reason":)" + finish + "}]" + rest + "}";
}

}  // namespace

TEST_CASE("a whole answer gives its facts and passes unedited", "[openai]") {
    auto const facts = read(
        answer(R"({"role":"assistant","content":"Hi"})", R"("stop")",
               R"(,"usage":{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}})"));
    REQUIRE(facts);
    CHECK(facts->usage == Usage{.input = 9, .output = 2, .cached_input = 4, .source = UsageSource::provider});
    CHECK(facts->reported_model == "m-1");
    CHECK(facts->finish_reason == "stop");
    CHECK(facts->edits.empty());
}

TEST_CASE("an answer without usage is estimated", "[openai]") {
    auto const facts = read(answer(R"({"content":"Hello there"})", R"("stop")"));
    REQUIRE(facts);
    CHECK(facts->usage == Usage{.input = 25, .output = 3, .source = UsageSource::estimated});
}

TEST_CASE("blank lines before a slow answer are read over", "[openai]") {
    CHECK(read("\n\n \r\n" + answer(R"({"content":"Hi"})") + "\n"));
}

TEST_CASE("anything that a client can use is an answer", "[openai]") {
    auto const message =
        GENERATE(as<std::string>(), R"({"content":"a"})",
                 R"({"content":null,"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]})",
                 R"({"content":"","refusal":"no"})", R"({"reasoning_content":"hm"})", R"({"audio":{"id":"x"}})",
                 R"({"function_call":{"name":"f"}})");
    CAPTURE(message);
    CHECK(read(answer(message)));
}

TEST_CASE("an empty answer needs a reason for being empty", "[openai]") {
    auto const counted = [](char const* tokens) {
        return std::string(R"({"choices":[{"index":0,"message":{"content":""},"finish_reason":"stop"}],"usage":)") +
               R"({"prompt_tokens":3,"completion_tokens":)" + tokens + "}}";
    };
    CHECK(read(counted("7")));  // spent on reasoning that is not shown
    CHECK(read(counted("0")).error().kind == upstream_empty_answer);
    CHECK(read(answer(R"({"content":""})", R"("stop")")).error().kind == upstream_empty_answer);
    CHECK(read(answer(R"({"content":""})", R"("length")")));
    CHECK(read(answer(R"({"content":null})", R"("content_filter")")));
}

TEST_CASE("a 200 that is no answer is an error of the upstream", "[openai]") {
    auto const [name, body, kind] = GENERATE(table<char const*, std::string, ErrorKind>({
        {"no choice", R"({"id":"a","choices":[]})", upstream_empty_answer},
        {"an empty message", answer(R"({"role":"assistant","content":""})"), upstream_empty_answer},
        {"no message", R"({"choices":[{"index":0}]})", upstream_empty_answer},
        {"no choices", R"({"id":"a"})", upstream_invalid_response},
        {"choices of another type", R"({"choices":{"0":{}}})", upstream_invalid_response},
        {"nothing", "", upstream_invalid_response},
        {"blank lines only", "\n\n", upstream_invalid_response},
        {"HTML", "<html></html>", upstream_invalid_response},
        {"cut off", R"({"choices":[{"message":{"content":"Hel)", upstream_invalid_response},
        {"two documents", answer(R"({"content":"a"})") + answer(R"({"content":"b"})"), upstream_invalid_response},
        {"a stream", "data: {\"choices\":[]}\n\n", upstream_invalid_response},
        {"a string", R"("hello")", upstream_invalid_response},
        {"a list", "[]", upstream_invalid_response},
        {"an error object", R"({"error":{"message":"busy","type":"overloaded_error"}})", upstream_overloaded},
        {"an error with a code", R"({"error":{"message":"x","code":429}})", upstream_rate_limited},
        {"an error as text", R"({"code":"x","error":"The service is currently unavailable"})", upstream_overloaded},
        {"an error beside choices", R"({"error":{"message":"x","code":401},"choices":[{"message":{"content":"a"}}]})",
         upstream_auth},
        {"an error in a list", R"([{"error":{"code":400,"message":"x","status":"INVALID_ARGUMENT"}}])",
         upstream_rejected},
        {"a choice that failed",
         R"({"choices":[{"message":{"content":"par"},"finish_reason":"error","error":{"code":502,"message":"x"}}]})",
         upstream_server_error},
        {"a choice that failed silently", answer(R"({"content":"par"})", R"("error")"), upstream_server_error},
        {"the second choice failed",
         R"({"choices":[{"message":{"content":"a"},"finish_reason":"stop"},{"finish_reason":"error"}]})",
         upstream_server_error},
        {"DeepSeek's", answer(R"({"content":"par"})", R"("insufficient_system_resource")"), upstream_overloaded},
        {"older vLLM's", R"({"object":"error","message":"too long","type":"BadRequestError","code":400})",
         upstream_rejected},
        {"FastAPI's", R"({"detail":"Not Found"})", upstream_server_error},
    }));
    CAPTURE(name);
    auto const facts = read(body);
    REQUIRE_FALSE(facts);
    CHECK(describe(facts.error().kind).code == describe(kind).code);
}

TEST_CASE("a falsy error is none", "[openai]") {
    auto const error = GENERATE(as<std::string>(), "null", "\"\"", "{}", "false");
    CHECK(read(answer(R"({"content":"a"})", R"("stop")", R"(,"error":)" + error)));
}
