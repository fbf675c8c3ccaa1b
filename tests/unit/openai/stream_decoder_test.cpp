#include "providers/openai/stream_decoder.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace sluice;

namespace {

std::string event(std::string const& delta) {
    return R"(data: {"id":"a","choices":[{"index":0,"delta":)" + delta + R"(,"finish_reason":null}]})" + "\n\n";
}

struct Fed {
    std::unique_ptr<StreamDecoder> decoder;
    StreamStep step;
    std::string memory;

    explicit Fed(ChatRequest const& request = {}, std::size_t max_event_size = 1024 * 1024)
        : decoder(openai::make_stream_decoder(request, max_event_size)) {}

    StreamStep const& feed(std::string const& bytes) {
        memory = bytes + std::string(64, '#');
        decoder->feed({memory.data(), bytes.size()}, step);
        return step;
    }
};

}  // namespace

TEST_CASE("the first delta with content commits, of whichever kind", "[openai]") {
    auto const delta = GENERATE(as<std::string>(), R"({"content":"a"})", R"({"reasoning":"a"})",
                                R"({"reasoning_content":"a"})", R"({"reasoning_details":[{}]})", R"({"refusal":"a"})",
                                R"({"audio":{"id":"x"}})", R"({"tool_calls":[{"index":0}]})",
                                R"({"function_call":{"name":"f"}})", R"({"content":[{"type":"text","text":"a"}]})",
                                R"({"content":[{"type":"reference"}]})", R"({"images":[{"type":"image_url"}]})");
    Fed fed;
    CAPTURE(delta);
    CHECK(fed.feed(event(delta)).committed);
    CHECK(fed.decoder->delta_count() == 1);
}

TEST_CASE("a delta without content is relayed and does not commit", "[openai]") {
    auto const delta =
        GENERATE(as<std::string>(), R"({})", R"({"role":"assistant"})", R"({"role":"assistant","content":""})",
                 R"({"content":null,"refusal":null})", R"({"tool_calls":[]})", R"({"reasoning_content":""})",
                 R"({"content":"","reasoning_content":null})", "null");
    Fed fed;
    CAPTURE(delta);
    auto const& step = fed.feed(event(delta));
    CHECK_FALSE(step.committed);
    REQUIRE(step.relay.size() == 1);
    CHECK(step.relay[0] == event(delta));
}

TEST_CASE("a message in place of the delta commits too", "[openai]") {
    Fed fed;
    CHECK(fed.feed("data: {\"choices\":[{\"message\":{\"content\":\"a\"}}]}\n\n").committed);
}

TEST_CASE("events that pass unchanged are one view of the piece", "[openai]") {
    Fed fed;
    std::string const piece = event(R"({"content":"a"})") + event(R"({"content":"b"})") + event(R"({"content":"c"})");
    auto const& step = fed.feed(piece);
    REQUIRE(step.relay.size() == 1);
    CHECK(step.relay[0].data() == fed.memory.data());
    CHECK(step.relay[0].size() == piece.size());
}

TEST_CASE("a usage member is cut out without copying the rest", "[openai]") {
    Fed fed;
    auto const& step = fed.feed(
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":1},\"x\":1.00}\n\n");
    REQUIRE(step.relay.size() == 2);
    CHECK(step.relay[0] == "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]");
    CHECK(step.relay[1] == ",\"x\":1.00}\n\n");
    CHECK(step.relay[1].data() > fed.memory.data());
    CHECK(step.relay[1].data() < fed.memory.data() + fed.memory.size());
}

TEST_CASE("an event over the limit is an invalid answer", "[openai]") {
    Fed fed({}, 100);
    auto const& step = fed.feed(event(R"({"content":"a"})") + "data: " + std::string(200, 'x'));
    REQUIRE(step.error);
    CHECK(step.error->kind == ErrorKind::upstream_invalid_response);
    CHECK(step.relay.size() == 1);
    CHECK(step.committed);
}

TEST_CASE("an upstream's words in an error event are kept from the client unless the request is at fault", "[openai]") {
    Fed ours;
    ours.feed("data: {\"error\":{\"message\":\"disk of node-7 is full\",\"code\":500}}\n\n");
    REQUIRE(ours.step.error);
    CHECK(ours.step.error->message.empty());
    CHECK(ours.step.error->detail == "upstream error 500: disk of node-7 is full");
    Fed theirs;
    theirs.feed(
        "data: {\"error\":{\"message\":\"too long for "
        "sk-abcdef1234567890\",\"code\":\"context_length_exceeded\",\"param\":\"messages\"}}\n\n");
    REQUIRE(theirs.step.error);
    CHECK(theirs.step.error->message == "too long for [redacted]");
    CHECK(theirs.step.error->code == "context_length_exceeded");
    CHECK(theirs.step.error->param == "messages");
    CHECK(status_of(*theirs.step.error) == 400);
}

TEST_CASE("twenty thousand events arrive intact at one byte each", "[openai][sse]") {
    Fed fed;
    std::string const one = event(R"({"content":"a"})");
    std::string const memory = one + std::string(64, '#');
    std::size_t relayed = 0;
    for (int i = 0; i < 20'000; ++i) {
        for (std::size_t at = 0; at < one.size(); ++at) {
            fed.decoder->feed({memory.data() + at, 1}, fed.step);
            for (auto const bytes : fed.step.relay) relayed += bytes == one ? 1 : 1'000'000'000;
        }
    }
    CHECK(relayed == 20'000);
    CHECK(fed.decoder->delta_count() == 20'000);
}

TEST_CASE("a member that is renamed leaves the rest of its event where it is", "[openai]") {
    Fed fed;
    auto const& step = fed.feed(event(R"({"reasoning":"Hm","content":""})"));
    REQUIRE(step.relay.size() == 3);
    CHECK(step.relay[1] == R"("reasoning_content")");
    for (auto const place : {std::size_t{0}, std::size_t{2}}) {
        CHECK(step.relay[place].data() >= fed.memory.data());
        CHECK(step.relay[place].data() < fed.memory.data() + fed.memory.size());
    }
}

TEST_CASE("texts of one step stay while more of them are written", "[openai]") {
    Fed fed;
    std::string piece;
    std::string expected;
    for (int i = 0; i < 200; ++i) {
        auto const id = "id-" + std::to_string(i);
        auto const text = std::string(static_cast<std::size_t>(i) * 7, 'x');
        piece += event(R"({"content":[{"type":"thinking","thinking":")" + id + text + R"("}]})");
        expected += event(R"({"reasoning_content":")" + id + text + R"("})");
    }
    std::string relayed;
    for (auto const bytes : fed.feed(piece).relay) relayed += bytes;
    CHECK(relayed == expected);
}

TEST_CASE("only so many calls of a choice are remembered; the others pass as they come", "[openai]") {
    Fed fed;
    auto const call = [](int number) {
        return event(R"({"tool_calls":[{"id":"call-)" + std::to_string(number) +
                     R"(","type":"function","function":{"name":"f","arguments":"{}"}}]})");
    };
    auto const relayed = [&fed](std::string const& bytes) {
        std::string all;
        for (auto const part : fed.feed(bytes).relay) all += part;
        return all;
    };
    for (int i = 0; i < 128; ++i)
        CHECK(relayed(call(i)).find("\"index\":" + std::to_string(i) + ",") != std::string::npos);
    CHECK(relayed(call(128)) == call(128));
    CHECK(relayed(call(5)).find("\"index\":5,") != std::string::npos);
}
