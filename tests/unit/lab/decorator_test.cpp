#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "support.hpp"

using namespace sluice::lab;
using nlohmann::json;

namespace {

json whole(std::string_view options, std::string_view request = "{}") {
    return json::parse(body_of(answer_to(request, options)));
}

std::vector<json> chunks(std::string_view options, std::string_view more = "{}") {
    auto request = json::parse(more);
    request["stream"] = true;
    std::vector<json> out;
    for (auto const& data : data_of(body_of(answer_to(request.dump(), options))))
        if (data != "[DONE]") out.push_back(json::parse(data));
    return out;
}

constexpr char const* tools =
    R"({"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"stream":false})";

}  // namespace

TEST_CASE("extra members stand where they were asked for", "[lab][provider]") {
    auto options =
        R"({"text":"a","usage":"always","extra":{"chunk":{"k":1},"first_chunk":{"f":1},"finish_chunk":{"e":1},
                       "usage_chunk":{"u":1},"choice":{"c":1},"finish_choice":{"native":"end"},"delta":{"reasoning_content":null},
                       "answer":{"a":1},"message":{"m":1},"usage":{"cost":0.5}}})";
    auto all = chunks(options);
    REQUIRE(all.size() == 4);
    for (auto const& chunk : all) CHECK(chunk["k"] == 1);
    CHECK((all[0].contains("f") && !all[1].contains("f")));
    CHECK((all[2].contains("e") && all[2]["choices"][0]["native"] == "end" && !all[1].contains("e")));
    CHECK((all[3]["u"] == 1 && all[3]["usage"]["cost"] == 0.5));
    CHECK(all[1]["choices"][0]["delta"].contains("reasoning_content"));
    auto answer = whole(options);
    CHECK((answer["a"] == 1 && answer["choices"][0]["message"]["m"] == 1 && answer["usage"]["cost"] == 0.5));
}

TEST_CASE("numbers of the usage can be put together anew", "[lab][provider]") {
    auto answer = whole(R"({"text":"a b","reasoning":3,"cached":2,"extra":{"usage":
        {"completion_tokens":"{text}","total_tokens":"{prompt+text}","hit":"{cached}","miss":"{uncached}"}}})");
    CHECK(answer["usage"]["completion_tokens"] == 2);
    CHECK(answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"].get<int>() + 2);
    CHECK(answer["usage"]["prompt_tokens_details"]["cached_tokens"] == 2);
    CHECK((answer["usage"]["hit"] == 2 && answer["usage"]["miss"] == answer["usage"]["prompt_tokens"].get<int>() - 2));
}

TEST_CASE("members are left out by path, or where they are null", "[lab][provider]") {
    auto answer =
        whole(R"({"text":"a","omit":["system_fingerprint","usage.prompt_tokens_details"],"omit_nulls":true})");
    CHECK_FALSE(answer.contains("system_fingerprint"));
    CHECK_FALSE(answer["usage"].contains("prompt_tokens_details"));
    CHECK_FALSE(answer["choices"][0].contains("logprobs"));
    CHECK_FALSE(chunks(R"({"text":"a","omit_nulls":true})")[1]["choices"][0].contains("finish_reason"));
}

TEST_CASE("thoughts are a member, parts of the content, between marks, or only counted", "[lab][provider]") {
    auto parts = whole(R"({"text":"a","reasoning":2,"reasoning_form":"parts"})")["choices"][0]["message"]["content"];
    CHECK((parts[0]["type"] == "thinking" && parts[1]["text"] == "a"));
    auto tags = R"({"text":"a","reasoning":2,"reasoning_form":"tags","reasoning_open":"<t>","reasoning_close":"</t>"})";
    auto text = whole(tags)["choices"][0]["message"]["content"].get<std::string>();
    CHECK((text.starts_with("<t>") && text.ends_with("</t>a")));
    std::string streamed;
    for (auto const& chunk : chunks(tags)) streamed += chunk["choices"][0]["delta"].value("content", "");
    CHECK(streamed == text);
    auto hidden = whole(R"({"text":"a","reasoning":2,"reasoning_form":"hidden"})");
    CHECK(hidden["choices"][0]["message"]["content"] == "a");
    CHECK(hidden["usage"]["completion_tokens_details"]["reasoning_tokens"] == 2);
    auto details = whole(R"({"text":"a","reasoning":2,"reasoning_field":"reasoning","reasoning_details":true})");
    CHECK(details["choices"][0]["message"]["reasoning_details"][0]["type"] == "reasoning.text");
}

TEST_CASE("a chunk may repeat the message so far", "[lab][provider]") {
    auto all = chunks(R"({"text":"a b","cumulative":true})");
    CHECK(all[1]["choices"][0]["message"]["content"] == "a");
    CHECK(all.back()["choices"][0]["message"]["content"] == "a b");
}

TEST_CASE("ids of calls, reasons to finish and first chunks are the provider's", "[lab][provider]") {
    auto answer =
        whole(R"({"tool_calls":1,"tool_id":"functions.{name}:{index}","finish_reasons":{"tool_calls":"tool_use"},
                            "extra":{"first_tool_call":{"signature":"x"}}})",
              tools);
    auto const& choice = answer["choices"][0];
    CHECK(choice["message"]["tool_calls"][0]["id"] == "functions.f:0");
    CHECK(choice["message"]["tool_calls"][0]["signature"] == "x");
    CHECK(choice["finish_reason"] == "tool_use");
    CHECK(chunks(R"({"text":"a","chunks_first":[{"debug":1,"choices":[]}]})")[0]["debug"] == 1);
}
