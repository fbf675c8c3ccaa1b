#include <catch2/catch.hpp>
#include <string>

#include "server/api/chat_request_reader.hpp"

using namespace sluice;

namespace {

RequestFacts facts_of(std::string const& members) {
    auto const body = R"({"model":"m","messages":[{"role":"user","content":"12345"}])" + members + "}";
    CAPTURE(body);
    auto const request = read_chat_request(body, {});
    REQUIRE(request);
    return request->facts;
}

Capabilities needs_of(std::string const& members) { return facts_of(members).needs; }

Capabilities all_of(std::initializer_list<Capability> wanted) {
    Capabilities set;
    for (auto const capability : wanted) set.add(capability);
    return set;
}

constexpr char const* one_tool = R"(,"tools":[{"type":"function","function":{"name":"f"}}])";

}  // namespace

TEST_CASE("a plain request needs nothing in particular", "[request][facts]") {
    auto const facts = facts_of("");
    CHECK(facts.needs.empty());
    CHECK_FALSE(facts.stream);
    CHECK(facts.messages == 1);
    CHECK(facts.tools == 0);
    CHECK(facts.input_tokens == 2 + 4);
    CHECK(facts.output_tokens == 0);
}

TEST_CASE("what a request needs is what a model that lacks it would refuse", "[request][facts]") {
    using enum Capability;
    auto const with_tools = [](char const* members) { return std::string(one_tool) + members; };
    CHECK(needs_of(one_tool) == all_of({Capability::tools}));
    CHECK(needs_of(R"(,"functions":[{"name":"f"}])") == all_of({Capability::tools}));
    CHECK(needs_of(with_tools(R"(,"stream":true)")) == all_of({Capability::tools, stream_tools}));
    CHECK(needs_of(with_tools(R"(,"parallel_tool_calls":true)")) == all_of({Capability::tools, parallel_tools}));
    CHECK(needs_of(with_tools(R"(,"parallel_tool_calls":false)")) == all_of({Capability::tools}));
    CHECK(needs_of(with_tools(R"(,"tool_choice":"auto")")) == all_of({Capability::tools}));
    CHECK(needs_of(with_tools(R"(,"tool_choice":"required")")) == all_of({Capability::tools, required_tool}));
    CHECK(needs_of(with_tools(R"(,"tool_choice":{"type":"function","function":{"name":"f"}})")) ==
          all_of({Capability::tools, required_tool}));
    CHECK(needs_of(with_tools(R"(,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto"}})")) ==
          all_of({Capability::tools}));
    CHECK(needs_of(R"(,"response_format":{"type":"text"})").empty());
    CHECK(needs_of(R"(,"response_format":{"type":"json_object"})") == all_of({json_object}));
    CHECK(needs_of(R"(,"response_format":{"type":"json_schema","json_schema":{}})") == all_of({json_schema}));
    CHECK(needs_of(R"(,"reasoning_effort":"high")") == all_of({reasoning}));
    CHECK(needs_of(R"(,"reasoning":{"max_tokens":100})") == all_of({reasoning}));
    CHECK(needs_of(R"(,"modalities":["text","audio"])") == all_of({audio}));
}

TEST_CASE("what switches something off needs nothing", "[request][facts]") {
    auto const members = GENERATE(
        R"(,"tools":[],"tool_choice":"required","parallel_tool_calls":true)", R"(,"tools":null,"stream":true)",
        R"(,"reasoning_effort":"none")", R"(,"reasoning_effort":"minimal")", R"(,"reasoning_effort":null)",
        R"(,"reasoning":{"enabled":false})", R"(,"reasoning":{"effort":"none"})", R"(,"response_format":null)",
        R"(,"modalities":["text"])", R"(,"reasoning":7,"tool_choice":7,"response_format":"x","modalities":{})");
    CHECK(needs_of(members).empty());
}

TEST_CASE("parts say whether a model must see or hear", "[request][facts]") {
    std::string const body = R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"1234"},
        {"type":"image_url","image_url":{"url":"data:,"}},{"type":"input_audio","input_audio":{}}]}]})";
    auto const request = read_chat_request(body, {});
    REQUIRE(request);
    CHECK(request->facts.needs == all_of({Capability::vision, Capability::audio}));
    CHECK(request->facts.input_tokens == 1 + 4 + 768);
    CHECK(request->prompt_bytes == 4);
}

TEST_CASE("tools count as a part of the prompt", "[request][facts]") {
    auto const facts = facts_of(std::string(one_tool) + R"(,"max_tokens":9,"max_completion_tokens":7)");
    auto const size = static_cast<std::int64_t>(std::string(one_tool).size() - std::string(R"(,"tools":)").size());
    CHECK(facts.tools == 1);
    CHECK(facts.input_tokens == (5 + size + 3) / 4 + 4);
    CHECK(facts.output_tokens == 9);
}

TEST_CASE("images are counted apart from text: by address, or as data", "[request][facts]") {
    std::string const data = "data:image/png;base64,AAAABBBB";
    std::string const body = R"({"model":"m","messages":[{"role":"user","content":[)"
                             R"({"type":"image_url","image_url":{"url":")" +
                             data +
                             R"("}},)"
                             R"({"image_url":")" +
                             data +
                             R"(","type":"input_image"},)"
                             R"({"type":"image_url","image_url":{"url":"https://example.com/a.png"}},)"
                             R"({"type":"text","text":")" +
                             data +
                             R"("},)"
                             R"({"type":"text","image_url":{"url":")" +
                             data + R"("}}]}]})";
    auto const request = read_chat_request(body, {});
    REQUIRE(request);
    CHECK(request->images == 3);
    CHECK(request->image_data_bytes == 2 * data.size());
    CHECK(request->prompt_bytes == data.size());
}
