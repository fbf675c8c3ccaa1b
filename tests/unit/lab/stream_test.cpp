#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "support.hpp"

using namespace sluice::lab;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

std::string stream(std::string_view options, std::string_view request = R"({"stream":true})") {
    return body_of(answer_to(request, options));
}

std::size_t count(std::string_view text, std::string_view what) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; at += what.size()) ++found;
    return found;
}

}  // namespace

TEST_CASE("a plain stream has a role, its words, one finish and a terminal event", "[lab][stream]") {
    auto events = data_of(stream(R"({"text":"a b"})"));
    REQUIRE(events.size() == 5);
    CHECK(json::parse(events[0])["choices"][0]["delta"]["role"] == "assistant");
    CHECK(json::parse(events[1])["choices"][0]["delta"]["content"] == "a");
    CHECK(json::parse(events[2])["choices"][0]["delta"]["content"] == " b");
    CHECK(json::parse(events[3])["choices"][0]["finish_reason"] == "stop");
    CHECK(events[4] == "[DONE]");
}

TEST_CASE("usage appears where the mode says", "[lab][stream]") {
    auto [mode, asked, times] = GENERATE(table<char const*, bool, std::size_t>({
        {"normal", true, 1},
        {"normal", false, 0},
        {"always", false, 1},
        {"missing", true, 0},
        {"duplicate", false, 2},
        {"finish", false, 1},
        {"choice", false, 1},
        {"null", true, 1},
        {"groq", false, 2},
        {"every", false, 4},
    }));
    CAPTURE(mode, asked);
    auto request = asked ? R"({"stream":true,"stream_options":{"include_usage":true}})" : R"({"stream":true})";
    auto body = stream(std::string(R"({"text":"a b","usage":")") + mode + "\"}", request);
    CHECK(count(body, "\"prompt_tokens\"") == times);
}

TEST_CASE("usage null stands on every chunk but the last", "[lab][stream]") {
    auto body =
        stream(R"({"text":"a b","usage":"null"})", R"({"stream":true,"stream_options":{"include_usage":true}})");
    CHECK(count(body, "\"usage\":null") == 4);
}

TEST_CASE("groq's finish chunk carries the usage twice", "[lab][stream]") {
    auto events = data_of(stream(R"({"text":"a","usage":"groq"})"));
    auto finish = json::parse(events.at(2));
    CHECK(finish["usage"] == finish["x_groq"]["usage"]);
}

TEST_CASE("an error frame ends the stream in the shape that was asked for", "[lab][stream]") {
    auto events = data_of(stream(R"({"text":"a b c","error_after":2})"));
    REQUIRE(events.size() == 4);
    auto frame = json::parse(events[3]);
    CHECK(frame["error"]["code"] == 502);
    CHECK(frame["choices"][0]["finish_reason"] == "error");
    CHECK(
        data_of(stream(R"({"error_after":2,"error_code":"server_error"})")).back().find("\"code\":\"server_error\"") !=
        std::string::npos);
    CHECK(json::parse(data_of(stream(R"({"error_after":2,"error_frame":"plain"})")).back()).size() == 1);
    CHECK(data_of(stream(R"({"error_after":2,"error_then_done":true})")).back() == "[DONE]");
}

TEST_CASE("a stream can be one error and nothing else", "[lab][stream]") {
    auto events = data_of(stream(R"({"error_after":0,"error_frame":"plain"})"));
    REQUIRE(events.size() == 1);
    CHECK(json::parse(events[0]).contains("error"));
}

TEST_CASE("comments come first and between", "[lab][stream]") {
    auto body = stream(R"({"tokens":4,"comments_first":2,"comment_every":2})");
    CHECK(body.starts_with(": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n"));
    CHECK(count(body, ": OPENROUTER PROCESSING\n\n") == 3);
}

TEST_CASE("comments fill a silence at their interval", "[lab][stream]") {
    auto answer = answer_to(R"({"stream":true})", R"({"ttft":"100ms","comment_interval":"40ms","tokens":1})");
    CHECK(count(body_of(answer), ": OPENROUTER") == 2);
    CHECK(total_wait(answer) == 100ms);
}

TEST_CASE("the event format can be odd in every way the standard allows", "[lab][stream]") {
    CHECK(stream(R"({"bom":true})").starts_with("\xEF\xBB\xBF"));
    CHECK(stream(R"({"line_end":"crlf"})").ends_with("data: [DONE]\r\n\r\n"));
    CHECK(stream(R"({"line_end":"cr"})").find('\n') == std::string::npos);
    CHECK(stream(R"({"done_space":false})").ends_with("data:[DONE]\n\n"));
    CHECK(stream(R"({"last_blank":false})").ends_with("}\n\ndata: [DONE]\n"));
    CHECK(stream(R"({"event_lines":true,"id_lines":true})").starts_with("event: message\nid: 0\ndata: {"));
    auto two = data_of(stream(R"({"multi_line":true,"empty":true})"));
    CHECK(json::accept(two.at(0) + "\n" + two.at(1)));
    CHECK_FALSE(json::accept(two.at(0)));
}

TEST_CASE("what ends a stream can be missing", "[lab][stream]") {
    CHECK(stream(R"({"done":false})").find("[DONE]") == std::string::npos);
    CHECK(stream(R"({"finish":false})").find("\"finish_reason\":\"") == std::string::npos);
}

TEST_CASE("the placeholder chunk has no choice and no name", "[lab][stream]") {
    auto first = json::parse(data_of(stream(R"({"placeholder":true})")).at(0));
    CHECK(first["choices"].empty());
    CHECK(first["id"] == "");
}

TEST_CASE("an event can be larger than a mebibyte", "[lab][stream]") {
    auto events = data_of(stream(R"({"huge_event":"2MiB","huge_event_at":1,"tokens":1})"));
    CHECK(events.at(1).size() > (2U << 20));
}

TEST_CASE("arguments of tool calls arrive in fragments that join to the whole", "[lab][stream]") {
    auto request =
        R"({"stream":true,"tools":[{"type":"function","function":{"name":"f","parameters":{}}},{"type":"function","function":{"name":"g","parameters":{}}}]})";
    std::map<int, std::string> arguments, names;
    for (auto const& data : data_of(stream(R"({"tool_calls":2,"tool_arguments":{"city":"Oslo"}})", request))) {
        if (data == "[DONE]") continue;
        auto delta = json::parse(data)["choices"][0]["delta"];
        if (!delta.contains("tool_calls")) continue;
        auto call = delta["tool_calls"][0];
        if (call["function"].contains("name")) names[call["index"]] += call["function"]["name"].get<std::string>();
        arguments[call["index"]] += call["function"]["arguments"].get<std::string>();
    }
    CHECK(names == std::map<int, std::string>{{0, "f"}, {1, "g"}});
    CHECK(arguments == std::map<int, std::string>{{0, R"({"city":"Oslo"})"}, {1, R"({"city":"Oslo"})"}});
}

TEST_CASE("tools are called only when the request allows it", "[lab][stream]") {
    auto tool = std::string(R"("tools":[{"type":"function","function":{"name":"f"}}])");
    auto called = [&tool](std::string const& more, std::string const& options) {
        return stream(options, R"({"stream":true,)" + tool + more + "}").find("tool_calls\":[") != std::string::npos;
    };
    CHECK(called("", R"({"tool_calls":1})"));
    CHECK_FALSE(called("", "{}"));
    CHECK(called(R"(,"tool_choice":"required")", "{}"));
    CHECK_FALSE(called(R"(,"tool_choice":"none")", R"({"tool_calls":1})"));
    CHECK_FALSE(called(R"(,"messages":[{"role":"tool","content":"4"}])", R"({"tool_calls":1})"));
}

TEST_CASE("n choices take turns", "[lab][stream]") {
    auto events = data_of(stream(R"({"text":"a b"})", R"({"stream":true,"n":2})"));
    std::vector<int> order;
    for (auto const& data : events)
        if (data != "[DONE]") order.push_back(json::parse(data)["choices"][0]["index"]);
    CHECK(order == std::vector<int>{0, 1, 0, 1, 0, 1, 0, 1});
}

TEST_CASE("log probabilities come with each word", "[lab][stream]") {
    auto events = data_of(stream(R"({"text":"a b"})", R"({"stream":true,"logprobs":true,"top_logprobs":2})"));
    auto content = json::parse(events.at(1))["choices"][0]["logprobs"]["content"];
    CHECK(content[0]["token"] == "a");
    CHECK(content[0]["top_logprobs"].size() == 2);
}

TEST_CASE("reasoning precedes the content, under the name the provider gives it", "[lab][stream]") {
    auto events = data_of(stream(R"({"reasoning":1,"tokens":1,"reasoning_field":"reasoning"})"));
    CHECK(json::parse(events.at(1))["choices"][0]["delta"].contains("reasoning"));
    CHECK(json::parse(events.at(2))["choices"][0]["delta"].contains("content"));
}

TEST_CASE("literal events are sent as they are given", "[lab][stream]") {
    CHECK(data_of(stream(R"({"events":[{"a":1},"not json"]})")) ==
          std::vector<std::string>{R"({"a":1})", "not json", "[DONE]"});
}
