#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/stream/sse_parser.hpp"
#include "core/types/error.hpp"
#include "providers/openai/continued_decoder.hpp"
#include "providers/openai/stream_decoder.hpp"
#include "server/api/chat_request_reader.hpp"

// Streams that are cut everywhere and continued by targets of several manners: no byte is lost or doubled.

using namespace sluice;
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

std::string read(fs::path const& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string chunk(std::string const& members, std::string const& finish = "null") {
    return R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":17,"model":"one",)"
           R"("system_fingerprint":"fp","choices":[{"index":0,"delta":)" +
           members + R"(,"finish_reason":)" + finish + "}]}\n\n";
}

/// Recorded streams that end well, and one with everything that a text may have.
std::vector<std::string> streams() {
    std::vector<std::string> all;
    for (auto const& entry : fs::recursive_directory_iterator(fs::path(SLUICE_SOURCE_DIR) / "tests/fixtures/sse")) {
        if (entry.path().filename() != "upstream.sse" || fs::exists(entry.path().parent_path() / "tags.txt")) continue;
        all.push_back(read(entry.path()));
    }
    std::sort(all.begin(), all.end());
    std::string text = chunk(R"({"role":"assistant","content":""})") + ": comment\n\n";
    for (auto const* const part :
         {R"(It was)", R"( the best of times,\n)", R"(it was the worst of times,\n)", R"(\"it\" was the age )",
          R"(of wisdom \ud83d)", R"(\ude00, it was the \u00e4ge )", R"(of foolishness. été )", R"(| - | - | - |\n)",
          R"(| - | - | - |\n)", R"(\\ and so on, and so on )", R"(and so on.)"}) {
        text += chunk(std::string(R"({"content":")") + part + "\"}");
    }
    all.push_back(text + chunk("{}", R"("stop")") + "data: [DONE]\n\n");
    return all;
}

struct Leg {
    std::string client;
    StreamStep last;
    std::unique_ptr<StreamDecoder> decoder;
};

void run(Leg& leg, std::string_view stream, std::size_t size) {
    for (std::size_t at = 0; at < stream.size() && !leg.last.ended && !leg.last.error; at += size) {
        auto const piece = stream.substr(at, size);
        auto const padded = std::string(piece) + std::string(64, '#');
        leg.decoder->feed({padded.data(), piece.size()}, leg.last);
        for (auto const bytes : leg.last.relay) leg.client += bytes;
    }
}

/// What a client makes of a stream.
struct Seen {
    std::string text;
    int roles = 0;
    int finishes = 0;
    int usages = 0;
    Json usage;
    bool done = false;
    std::vector<std::string> identities;  ///< that differ
};

Seen seen(std::string const& stream) {
    Seen all;
    std::vector<SseEvent> events;
    SseParser parser;
    REQUIRE(parser.feed(stream, events));
    for (auto const& event : events) {
        auto const data = std::string(event.data);
        CHECK_FALSE(all.done);
        all.done = data == "[DONE]";
        if (all.done) continue;
        // nlohmann refuses half of a surrogate pair: the texts are put together with their escapes.
        auto readable = data;
        for (auto half = readable.find("\\ud83d\""); half != std::string::npos; half = readable.find("\\ud83d\"")) {
            readable.replace(half, 6, "<high>");
        }
        if (auto const half = readable.find("\"\\ude00"); half != std::string::npos)
            readable.replace(half + 1, 6, "<low>");
        auto const json = Json::parse(readable);
        std::string identity;
        for (auto const* const name : {"id", "model", "system_fingerprint", "created"}) {
            if (json.contains(name)) identity += json[name].dump() + "/";
        }
        bool const is_new = std::find(all.identities.begin(), all.identities.end(), identity) == all.identities.end();
        if (is_new && !json["choices"].empty()) all.identities.push_back(identity);
        if (json.contains("usage") && json["usage"].is_object()) all.usage = json["usage"];
        all.usages += json.contains("usage") && json["usage"].is_object() ? 1 : 0;
        for (auto const& choice : json["choices"]) {
            auto const& delta = choice.contains("delta") ? choice["delta"] : Json();
            if (delta.contains("role")) ++all.roles;
            if (delta.contains("content") && delta["content"].is_string()) all.text += delta["content"];
            if (choice.contains("finish_reason") && choice["finish_reason"].is_string()) ++all.finishes;
        }
    }
    for (auto pair = all.text.find("<high><low>"); pair != std::string::npos; pair = all.text.find("<high><low>")) {
        all.text.replace(pair, 11, "\xF0\x9F\x98\x80");
    }
    return all;
}

/// A stream of another provider that says `text`, `size` bytes (whole characters) at a time.
std::string says(std::string const& text, std::size_t size = 5) {
    auto const event = [](std::string const& delta, std::string const& finish) {
        return R"(data: {"id":"other","object":"chat.completion.chunk","created":99,"model":"two","choices":[{"index":0,)"
               R"("delta":)" +
               delta + R"(,"finish_reason":)" + finish + "}]}\n\n";
    };
    auto stream = event(R"({"role":"assistant","content":""})", "null");
    for (std::size_t at = 0; at < text.size();) {
        auto end = std::min(at + size, text.size());
        while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) ++end;
        stream += event(R"({"content":)" + json_quoted(text.substr(at, end - at)) + "}", "null");
        at = end;
    }
    return stream + event("{}", R"("stop")") +
           "data: "
           "{\"id\":\"other\",\"choices\":[],\"usage\":{\"prompt_tokens\":50,\"completion_tokens\":7,\"total_tokens\":"
           "57}}\n\n"
           "data: [DONE]\n\n";
}

ChatRequest request() {
    static std::string const body = R"({"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]})";
    return *read_chat_request(body, {});
}

Leg first_leg(std::string_view stream, ChatRequest const& chat, std::size_t size = 1000) {
    Leg leg{
        .client = {}, .last = {}, .decoder = openai::make_stream_decoder(chat, 1 << 20, nullptr, {.keep_text = true})};
    run(leg, stream, size);
    return leg;
}

Leg next_leg(std::string_view stream, ChatRequest const& chat, Continuation const& continued, std::size_t size = 1000) {
    Leg leg{.client = {}, .last = {}, .decoder = openai::make_continued_decoder(chat, 1 << 20, nullptr, continued)};
    run(leg, stream, size);
    return leg;
}

enum class Manner : unsigned char { goes_on, repeats_the_end, begins_anew };

std::string answer_of(Manner manner, std::string const& whole, std::string const& so_far) {
    auto const rest = whole.substr(so_far.size());
    if (manner == Manner::goes_on) return rest;
    if (manner == Manner::begins_anew) return whole;
    constexpr std::size_t repeated = 24;
    if (so_far.size() < repeated) return rest;
    auto begin = so_far.size() - repeated;
    while ((static_cast<unsigned char>(so_far[begin]) & 0xC0U) == 0x80) --begin;
    return so_far.substr(begin) + rest;
}

}  // namespace

TEST_CASE("a stream that is cut at any byte and continued has the text of the whole one", "[openai][continuation]") {
    auto const manner = GENERATE(Manner::goes_on, Manner::repeats_the_end, Manner::begins_anew);
    auto const piece = GENERATE(std::size_t{1}, 1000);
    auto const chat = request();
    std::size_t continued = 0;
    for (auto const& stream : streams()) {
        auto const uncut = first_leg(stream, chat);
        if (!uncut.last.ended) continue;
        auto const whole = seen(uncut.client);
        Continuation last;
        for (std::size_t cut = 0; cut < stream.size(); ++cut) {
            auto const first = first_leg(std::string_view(stream).substr(0, cut), chat);
            auto const continuation = first.decoder->continuation();
            if (!continuation || *continuation == last) continue;
            last = *continuation;
            CAPTURE(stream, cut, continuation->text, piece, static_cast<int>(manner));
            REQUIRE(whole.text.starts_with(continuation->text));
            auto const answer = says(answer_of(manner, whole.text, continuation->text));
            auto const second = next_leg(answer, chat, *continuation, piece);
            auto const both = seen(first.client + second.client);
            ++continued;
            if (second.last.error) {
                // Too short, or too regular, to tell a repetition from a text that goes on: nothing is said.
                CHECK(manner == Manner::begins_anew);
                CHECK(both.text == continuation->text);
                CHECK(continuation->text.size() < 3);
                CHECK(second.decoder->continuation()->text == continuation->text);
                continue;
            }
            CHECK(both.text == whole.text);
            CHECK(both.done);
            CHECK(both.finishes == 1);
            CHECK(both.roles == seen(first.client).roles);
            CHECK(both.usages == 0);
            auto const names = seen(first.client).identities;
            if (!names.front().empty()) CHECK(both.identities == names);
        }
    }
    CHECK(continued > 20);
}

TEST_CASE("a continuation that is cut itself is continued once more", "[openai][continuation]") {
    auto const chat = request();
    auto const stream = streams().back();
    auto const whole = seen(first_leg(stream, chat).client).text;
    auto const first = first_leg(std::string_view(stream).substr(0, stream.find("of foolishness")), chat);
    auto const continuation = first.decoder->continuation();
    REQUIRE(continuation);
    auto const manner = GENERATE(Manner::goes_on, Manner::repeats_the_end, Manner::begins_anew);
    auto const answer = says(answer_of(manner, whole, continuation->text));
    for (std::size_t cut = 0; cut < answer.size(); ++cut) {
        auto const second = next_leg(std::string_view(answer).substr(0, cut), chat, *continuation);
        auto const again = second.decoder->continuation();
        if (!again) continue;
        CAPTURE(cut, again->text);
        auto const third = next_leg(says(answer_of(manner, whole, again->text)), chat, *again, 10);
        auto const all = seen(first.client + second.client + third.client);
        CHECK(all.text == whole);
        CHECK(all.done);
    }
}

TEST_CASE("what is more than plain text is not continued", "[openai][continuation]") {
    auto const [name, events, text] = GENERATE(table<char const*, std::string, std::string>({
        {"text", chunk(R"({"content":"a"})"), "a"},
        {"no text yet", chunk(R"({"role":"assistant","content":""})"), ""},
        {"white space", chunk(R"({"content":" \n"})"), ""},
        {"thoughts alone", chunk(R"({"reasoning_content":"hm"})"), ""},
        {"thoughts, then text", chunk(R"({"reasoning_content":"hm"})") + chunk(R"({"content":"a"})"), "a"},
        {"thoughts as parts, then text",
         chunk(R"({"content":[{"type":"thinking","thinking":"x"},{"type":"text","text":"a"}]})"), "a"},
        {"thoughts behind text", chunk(R"({"content":"a"})") + chunk(R"({"reasoning_content":"hm"})"), ""},
        {"a tool call", chunk(R"({"content":"a"})") + chunk(R"({"tool_calls":[{"index":0,"id":"x"}]})"), ""},
        {"a function call", chunk(R"({"content":"a"})") + chunk(R"({"function_call":{"name":"f"}})"), ""},
        {"a refusal", chunk(R"({"content":"a","refusal":"no"})"), ""},
        {"audio", chunk(R"({"content":"a"})") + chunk(R"({"audio":{"id":"x"}})"), ""},
        {"something new", chunk(R"({"content":"a","annotations":[{"url":"x"}]})"), ""},
        {"nothing new", chunk(R"({"content":"a","annotations":[],"refusal":null,"tool_calls":[]})"), "a"},
        {"its end", chunk(R"({"content":"a"})") + chunk("{}", R"("stop")"), ""},
        {"a second choice",
         chunk(R"({"content":"a"})") + R"(data: {"choices":[{"index":1,"delta":{"content":"b"}}]})" + "\n\n", ""},
        {"log probabilities",
         R"(data: {"choices":[{"index":0,"delta":{"content":"b"},"logprobs":{"content":[]}}]})"
         "\n\n",
         ""},
        {"no log probabilities",
         R"(data: {"choices":[{"index":0,"delta":{"content":"b"},"logprobs":null}]})"
         "\n\n",
         "b"},
        {"half a character", chunk(R"({"content":"a\ud83d"})"), ""},
    }));
    CAPTURE(name);
    auto const chat = request();
    auto const leg = first_leg(events, chat);
    auto const continuation = leg.decoder->continuation();
    CHECK(continuation.has_value() == !text.empty());
    if (continuation) CHECK(continuation->text == text);
    Leg forgetful{.client = {}, .last = {}, .decoder = openai::make_stream_decoder(chat, 1 << 20)};
    run(forgetful, events, 1000);
    CHECK_FALSE(forgetful.decoder->continuation());
}

TEST_CASE("a continuation that is more than text is an error, after the text before it", "[openai][continuation]") {
    auto const more = GENERATE(
        as<std::string>(), chunk(R"({"tool_calls":[{"index":0,"id":"x","function":{"name":"f"}}]})"),
        chunk(R"({"function_call":{"name":"f"}})"), chunk(R"({"refusal":"no"})"), chunk(R"({"audio":{"id":"x"}})"),
        chunk("{}", R"("tool_calls")"), chunk(R"({"content":[{"type":"image"}]})"));
    Continuation continuation;
    continuation.text = "It was the best";
    auto const chat = request();
    auto const leg = next_leg(chunk(R"({"content":" of times"})") + more, chat, continuation);
    REQUIRE(leg.last.error);
    CHECK(leg.last.error->kind == ErrorKind::unsupported_parameter);
    CHECK(seen(leg.client).text == " of times");
    CHECK_FALSE(leg.decoder->continuation());
    CHECK(leg.client.find("[DONE]") == std::string::npos);
}

TEST_CASE("the thoughts of a target that goes on are not shown", "[openai][continuation]") {
    Continuation continuation;
    continuation.text = "It was the best";
    auto const chat = request();
    auto const leg =
        next_leg(chunk(R"({"reasoning_content":"hm"})") + chunk(R"({"content":" of times"})"), chat, continuation);
    CHECK_FALSE(leg.last.error);
    CHECK(leg.client.find("hm") == std::string::npos);
    CHECK(seen(leg.client).text == " of times");
}

TEST_CASE("an error of the target that goes on is told as it is", "[openai][continuation]") {
    Continuation continuation;
    continuation.text = "It was the best";
    auto const chat = request();
    auto const leg = next_leg(chunk(R"({"content":" of"})") + "data: {\"error\":{\"message\":\"x\",\"code\":503}}\n\n",
                              chat, continuation);
    REQUIRE(leg.last.error);
    CHECK(leg.last.error->kind == ErrorKind::upstream_overloaded);
    REQUIRE(leg.decoder->continuation());
    CHECK(leg.decoder->continuation()->text == "It was the best of");
}

TEST_CASE("the client is told one usage, as if one target had answered", "[openai][continuation]") {
    auto chat = request();
    chat.include_usage = true;
    Continuation continuation;
    continuation.text = std::string(40, 'x') + "y";
    continuation.id = R"("chatcmpl-1")";
    auto const [first, input, output, estimated] = GENERATE(table<Usage, int, int, bool>({
        {Usage{.input = 9, .output = 30, .source = UsageSource::provider}, 9, 37, false},
        {Usage{.input = 3, .output = 10, .source = UsageSource::estimated}, 50 - 11, 17, true},
    }));
    continuation.usage = first;
    auto const leg = next_leg(says(" z"), chat, continuation);
    auto const all = seen(leg.client);
    CHECK(all.usages == 1);
    CHECK(all.usage["prompt_tokens"] == input);
    CHECK(all.usage["completion_tokens"] == output);
    CHECK(all.usage["total_tokens"] == input + output);
    CHECK(all.usage.contains("estimated") == estimated);
    CHECK(leg.decoder->usage() == Usage{.input = 50, .output = 7, .source = UsageSource::provider});
    CHECK(leg.client.find(R"("id":"chatcmpl-1")") != std::string::npos);
    CHECK(leg.client.find("other") == std::string::npos);
}

TEST_CASE("without a word of the provider's both legs are estimated, the second with the text in its prompt",
          "[openai][continuation]") {
    auto chat = request();
    chat.prompt_bytes = 8;
    Continuation continuation;
    continuation.text = std::string(39, 'x') + "y";
    auto const leg = next_leg(chunk(R"({"content":"abcdefgh"})"), chat, continuation);
    CHECK(leg.decoder->usage() == Usage{.input = 12, .output = 2, .source = UsageSource::estimated});
}
