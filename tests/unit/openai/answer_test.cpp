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
    auto const facts = read(answer(
        R"({"role":"assistant","content":"Hi"})", R"("stop")",
        R"(,"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":4}})"));
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

namespace {

/// What the client gets of an answer.
std::string mended(std::string const& body, ReasoningTags const* tags = nullptr) {
    ChatRequest request;
    auto const facts = openai::read_answer(request, body, tags);
    REQUIRE(facts);
    std::string out;
    for (auto const piece : spliced(body, facts->edits)) out += piece;
    return out;
}

std::string call(std::string const& members) {
    return R"({"role":"assistant","content":null,"tool_calls":[)" + members + "]}";
}

}  // namespace

TEST_CASE("the reasoning of a whole answer stands in one field, whoever wrote it", "[openai]") {
    auto const [name, theirs, ours] = GENERATE(table<char const*, std::string, std::string>({
        {"DeepSeek's", R"({"reasoning_content":"Hm","content":"Hi"})", R"({"reasoning_content":"Hm","content":"Hi"})"},
        {"null stays", R"({"reasoning_content":null,"content":"Hi"})", R"({"reasoning_content":null,"content":"Hi"})"},
        {"OpenRouter's", R"({"content":"Hi","reasoning":"Hm","reasoning_details":[{"type":"reasoning.text"}]})",
         R"({"content":"Hi","reasoning_content":"Hm","reasoning_details":[{"type":"reasoning.text"}]})"},
        {"both", R"({"content":"Hi","reasoning":"Hm","reasoning_content":"Hm"})",
         R"({"content":"Hi","reasoning_content":"Hm"})"},
        {"vLLM's", R"({"reasoning_content":null,"content":"Hi","reasoning":"Hm"})",
         R"({"content":"Hi","reasoning_content":"Hm"})"},
        {"Mistral's",
         R"({"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"H\n"},{"type":"text","text":"m"}]},{"type":"text","text":"Hi"}]})",
         R"({"role":"assistant","reasoning_content":"H\nm","content":"Hi"})"},
        {"parts that are no text", R"({"content":[{"type":"image_url"},{"type":"text","text":"Hi"}]})",
         R"({"content":[{"type":"image_url"},{"type":"text","text":"Hi"}]})"},
    }));
    CAPTURE(name);
    CHECK(mended(answer(theirs, R"("stop")")) == answer(ours, R"("stop")"));
}

TEST_CASE("marks around thoughts are read only where the profile says so", "[openai]") {
    ReasoningTags const think{.models = {}, .open = "<think>", .close = "</think>"};
    ReasoningTags const open{.models = {}, .open = "<think>", .close = "</think>", .starts_open = true};
    auto const split = [](std::string const& content, ReasoningTags const* tags, std::string const& finish) {
        return mended(answer("{\"content\":\"" + content + "\"}", finish), tags);
    };
    std::string const stop = R"("stop")";
    std::string const length = R"("length")";
    auto const content = answer(R"({"content":"<think>Hm</think>\nHi"})", stop);
    auto const apart = answer(R"({"reasoning_content":"Hm","content":"Hi"})", stop);
    CHECK(split(R"(<think>Hm</think>\nHi)", nullptr, stop) == content);
    CHECK(split(R"(<think>Hm</think>\nHi)", &think, stop) == apart);
    CHECK(split(R"(Hm</think>\nHi)", &open, stop) == apart);
    CHECK(split(R"(\n<think>\n\n</think>\n\nHi)", &think, stop) == answer(R"({"content":"Hi"})", stop));
    CHECK(split("It is <think>", &think, stop) == answer(R"({"content":"It is <think>"})", stop));
    CHECK(split("no mark at all", &open, stop) == answer(R"({"content":"no mark at all"})", stop));
    CHECK(split("no end", &open, length) == answer(R"({"reasoning_content":"no end","content":""})", length));
    CHECK(split("<think>no end", &think, length) == answer(R"({"reasoning_content":"no end","content":""})", length));
}

TEST_CASE("a tool call of a whole answer is complete", "[openai]") {
    auto const [name, theirs, ours] = GENERATE(table<char const*, std::string, std::string>({
        {"OpenAI's", R"({"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}})",
         R"({"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}})"},
        {"Mistral's, without type", R"({"id":"D681PevKs","function":{"name":"f","arguments":"{}"},"index":0})",
         R"({"type":"function","id":"D681PevKs","function":{"name":"f","arguments":"{}"},"index":0})"},
        {"Ollama's, arguments as an object",
         R"({"id":"a","type":"function","function":{"name":"f","arguments":{"x":"\"1\""}}})",
         R"({"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":\"\\\"1\\\"\"}"}})"},
        {"no arguments", R"({"id":"a","type":"function","function":{"name":"f"}})",
         R"({"id":"a","type":"function","function":{"arguments":"{}","name":"f"}})"},
        {"empty arguments", R"({"id":"a","type":"function","function":{"name":"f","arguments":""}})",
         R"({"id":"a","type":"function","function":{"name":"f","arguments":"{}"}})"},
        {"null arguments", R"({"id":"a","type":null,"function":{"name":"f","arguments":null}})",
         R"({"id":"a","type":"function","function":{"name":"f","arguments":"{}"}})"},
        {"another type of call", R"({"id":"a","type":"custom","custom":{"name":"f","input":"x"}})",
         R"({"id":"a","type":"custom","custom":{"name":"f","input":"x"}})"},
    }));
    CAPTURE(name);
    CHECK(mended(answer(call(theirs), R"("tool_calls")")) == answer(call(ours), R"("tool_calls")"));
}

TEST_CASE("a tool call without an id gets one that stays the same", "[openai]") {
    auto const one = R"({"type":"function","function":{"name":"f","arguments":"{}"}})";
    auto const body = answer(call(std::string(one) + "," + one), R"("tool_calls")");
    auto const first = mended(body);
    CHECK(first == mended(body));
    auto const id = first.find("\"id\":\"call_");
    REQUIRE(id != std::string::npos);
    auto const other = first.find("\"id\":\"call_", id + 1);
    REQUIRE(other != std::string::npos);
    CHECK(first.substr(id, 27) != first.substr(other, 27));
}

TEST_CASE("a whole answer ends for one of OpenAI's reasons", "[openai]") {
    auto const with_call = call(R"({"id":"a","type":"function","function":{"name":"f","arguments":"{}"}})");
    std::string const text = R"({"content":"Hi"})";
    CHECK(mended(answer(text, R"("eos")")) == answer(text, R"("stop","native_finish_reason":"eos")"));
    CHECK(mended(answer(text, R"("MAX_TOKENS")")) == answer(text, R"("length","native_finish_reason":"MAX_TOKENS")"));
    CHECK(mended(answer(text, R"("x","native_finish_reason":"y")")) ==
          answer(text, R"("x","native_finish_reason":"y")"));
    CHECK(mended(answer(text, "null")) == answer(text, R"("stop")"));
    CHECK(mended(answer(text, R"("")")) == answer(text, R"("stop")"));
    CHECK(mended(answer(with_call, R"("stop")")) == answer(with_call, R"("tool_calls","native_finish_reason":"stop")"));
    CHECK(mended(answer(R"({"function_call":{"name":"f"}})", R"("function_call")")) ==
          answer(R"({"function_call":{"name":"f"}})", R"("function_call")"));
    CHECK(mended(R"({"choices":[{"message":{"content":"a"}}]})") ==
          R"({"choices":[{"finish_reason":"stop","message":{"content":"a"}}]})");
}

TEST_CASE("the usage of a whole answer has OpenAI's meaning and place", "[openai]") {
    auto const [name, theirs, ours] = GENERATE(table<char const*, std::string, std::string>({
        {"right as it is",
         R"(,"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":4}})",
         R"(,"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":4}})"},
        {"xAI: reasoning beside output",
         R"(,"usage":{"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,"completion_tokens_details":{"reasoning_tokens":94},"num_sources_used":1.50})",
         R"(,"usage":{"prompt_tokens":32,"completion_tokens":103,"total_tokens":135,"completion_tokens_details":{"reasoning_tokens":94},"num_sources_used":1.50})"},
        {"the names of the Responses API", R"(,"usage":{"input_tokens":3,"output_tokens":4})",
         R"(,"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,"input_tokens":3,"output_tokens":4})"},
        {"no count at all", R"(,"usage":{"x":1})", R"(,"usage":{"x":1})"},
    }));
    CAPTURE(name);
    std::string const text = R"({"content":"Hi"})";
    CHECK(mended(answer(text, R"("stop")", theirs)) == answer(text, R"("stop")", ours));
}

TEST_CASE("usage that stands elsewhere in a whole answer is shown at the top as well", "[openai]") {
    CHECK(
        mended(
            R"({"choices":[{"message":{"content":"a"},"finish_reason":"stop","usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}]})") ==
        R"({"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3},"choices":[{"message":{"content":"a"},"finish_reason":"stop","usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}]})");
}
