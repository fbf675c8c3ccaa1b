#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "support.hpp"

using namespace sluice::lab;
using namespace std::chrono_literals;
using nlohmann::json;

TEST_CASE("the writes of an answer cover its bytes exactly", "[lab]") {
    auto stream = GENERATE(R"({"stream":true})", R"({})");
    auto options =
        GENERATE("{}", R"({"write_size":1})", R"({"drip_bytes":3,"drip_interval":"1ms"})", R"({"cut_at":77})",
                 R"({"interim":2})", R"({"header_drip":"1ms"})", R"({"http_chunk_bytes":10})");
    CAPTURE(stream, options);
    auto answer = answer_to(stream, options);
    std::size_t bytes = 0;
    for (auto const& write : answer.writes) bytes += write.size;
    CHECK(bytes == answer.bytes.size());
}

TEST_CASE("equal requests get equal answers and another seed another one", "[lab]") {
    auto options = R"j({"tokens":50,"ttft":"lognormal(100ms,0.5)","per_token":"uniform(1ms,9ms)"})j";
    Context other{.seed = 2};
    auto first = answer_to(R"({"stream":true})", options), again = answer_to(R"({"stream":true})", options);
    CHECK(first.bytes == again.bytes);
    CHECK(first.writes == again.writes);
    CHECK(answer_to(R"({"stream":true})", options, other).writes != first.writes);
}

TEST_CASE("a stream and a whole answer agree on what they cost", "[lab]") {
    auto options = GENERATE(R"({"tokens":17})", R"({"text":"a b c"})", R"({"reasoning":5})", R"({"tool_calls":2})",
                            R"({"chunk_bytes":300,"tokens":9})", R"({"empty":true})");
    auto tools =
        R"("tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"string"}}}}}],"n":2)";
    CAPTURE(options);
    auto whole = answer_to(std::string("{") + tools + "}", options);
    auto stream =
        answer_to(std::string(R"({"stream":true,"stream_options":{"include_usage":true},)") + tools + "}", options);
    auto body = json::parse(body_of(whole));
    auto events = data_of(body_of(stream));
    auto last = json::parse(events.at(events.size() - 2));
    CHECK(body["usage"] == last["usage"]);
    CHECK(body["usage"]["completion_tokens"] == whole.usage.completion);
    std::uint64_t delivered = 0;
    for (auto const& write : stream.writes) delivered += write.tokens;
    CHECK(delivered == whole.usage.completion);
}

TEST_CASE("prompt tokens are the text's bytes divided by four, rounded up", "[lab]") {
    CHECK(answer_to(R"({"messages":[{"role":"user","content":"12345"}]})", "{}").usage.prompt == 2);
    CHECK(
        answer_to(
            R"({"messages":[{"role":"system","content":"1234"},{"role":"user","content":[{"type":"text","text":"5678"}]}]})",
            "{}")
            .usage.prompt == 2);
}

TEST_CASE("a whole answer has exactly the size that was asked for", "[lab]") {
    auto size = GENERATE(std::size_t{1000}, 1024, 4096, 102400);
    auto answer = answer_to("{}", R"({"answer_bytes":)" + std::to_string(size) + "}");
    CHECK(body_of(answer).size() == size);
    CHECK(json::accept(body_of(answer)));
}

TEST_CASE("events have exactly the size that was asked for", "[lab]") {
    auto answer = answer_to(R"({"stream":true})", R"({"chunk_bytes":300,"tokens":5})");
    auto events = data_of(body_of(answer));
    for (std::size_t i = 1; i <= 5; ++i) CHECK(events.at(i).size() + std::string_view("data: \n\n").size() == 300);
}

TEST_CASE("a whole answer waits as long as its stream would take", "[lab]") {
    auto options = R"({"ttft":"100ms","rate":100,"tokens":11})";
    CHECK(total_wait(answer_to("{}", options)) == 200ms);
    CHECK(total_wait(answer_to(R"({"stream":true})", options)) == 200ms);
}

TEST_CASE("max_tokens ends the answer with the reason length", "[lab]") {
    auto body = json::parse(body_of(answer_to(R"({"max_tokens":4})", R"({"tokens":9})")));
    CHECK(body["choices"][0]["finish_reason"] == "length");
    CHECK(body["usage"]["completion_tokens"] == 4);
}

TEST_CASE("a JSON schema is answered with an object that satisfies it", "[lab]") {
    auto body = json::parse(body_of(answer_to(
        R"({"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object","properties":{"age":{"type":"integer"},"names":{"type":"array","items":{"type":"string"}}}}}}})",
        "{}")));
    auto content = json::parse(body["choices"][0]["message"]["content"].get<std::string>());
    CHECK(content["age"].is_number_integer());
    CHECK(content["names"].at(0).is_string());
}

TEST_CASE("retry hints come in every form that providers use", "[lab]") {
    auto [form, line] = GENERATE(table<char const*, char const*>({
        {"seconds", "retry-after: 2\r\n"},
        {"decimal", "retry-after: 1.5\r\n"},
        {"date", "retry-after: Thu, 01 Jan 1970 00:00:02 GMT\r\n"},
        {"ms", "retry-after-ms: 1500\r\n"},
        {"x_ms", "x-ms-retry-after-ms: 1500\r\n"},
        {"reset", "x-ratelimit-reset-requests: 1.5s\r\n"},
    }));
    CAPTURE(form);
    auto answer = answer_to("{}", std::string(R"({"status":429,"retry_after":"1.5s","retry_form":")") + form + "\"}");
    CHECK(answer.status == 429);
    CHECK(head_of(answer).find(line) != std::string::npos);
}

TEST_CASE("a hint in the body only is found nowhere in the head", "[lab]") {
    auto answer = answer_to("{}", R"({"status":429,"retry_after":"1.5s","retry_form":"body"})");
    CHECK(head_of(answer).find("retry-after") == std::string::npos);
    CHECK(body_of(answer).find("try again in 1.5s") != std::string::npos);
}

TEST_CASE("an error may come with status 200, even where a stream was asked for", "[lab]") {
    auto answer = answer_to(R"({"stream":true})", R"({"ok_error":true})");
    CHECK(answer.status == 200);
    CHECK(head_of(answer).find("application/json") != std::string::npos);
    CHECK(json::parse(body_of(answer)).contains("error"));
}

TEST_CASE("the content type can be wrong or missing", "[lab]") {
    CHECK(head_of(answer_to(R"({"stream":true})", R"({"content_type":"text/html"})"))
              .find("content-type: text/html\r\n") != std::string::npos);
    CHECK(head_of(answer_to("{}", R"({"content_type":null})")).find("content-type") == std::string::npos);
}

TEST_CASE("a whole answer that failed half way says so in its choice", "[lab]") {
    auto choice = json::parse(body_of(answer_to("{}", R"({"error_after":3})")))["choices"][0];
    CHECK(choice["finish_reason"] == "error");
    CHECK(choice["error"]["code"] == 502);
}
