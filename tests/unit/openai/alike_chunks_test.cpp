#include "providers/openai/alike_chunks.hpp"

#include <catch2/catch.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "providers/openai/stream_decoder.hpp"

using namespace sluice;
using openai::AlikeChunks;

namespace {

constexpr std::string_view before = R"(data: {"id":"a","choices":[{"index":0,"delta":{"content":")";
constexpr std::string_view between = R"("},"finish_reason":null}],"obfuscation":")";
constexpr std::string_view behind = "\"}\n\n";

std::string event(std::string_view text, std::string_view padding = "x1") {
    return std::string(before).append(text).append(between).append(padding).append(behind);
}

AlikeChunks learned(std::string const& from, std::size_t text_size, std::size_t padding_size) {
    AlikeChunks alike;
    std::string_view const bytes = from;
    alike.learn(bytes, bytes.substr(before.size(), text_size),
                bytes.substr(before.size() + text_size + between.size(), padding_size));
    return alike;
}

struct Decoded {
    std::string client;
    std::string facts;
    friend bool operator==(Decoded const&, Decoded const&) = default;
};

/// `pieces` as they come, each in memory of its own.
Decoded decode(std::vector<std::string> const& pieces, std::size_t max_event_size = 4096) {
    ChatRequest request;
    request.stream = request.include_usage = true;
    auto const decoder = openai::make_stream_decoder(request, max_event_size, nullptr, {.keep_text = true});
    Decoded decoded;
    StreamStep step;
    auto const take = [&] {
        for (auto const bytes : step.relay) decoded.client += bytes;
        if (step.error) decoded.facts += to_error_body(*step.error) + step.error->detail.str();
        return step.ended || step.error.has_value();
    };
    bool over = false;
    for (std::size_t i = 0; i < pieces.size() && !over; ++i) {
        decoder->feed(pieces[i], step);
        over = take();
    }
    if (!over) {
        decoder->finish(step);
        take();
    }
    decoded.facts += step.committed ? "/committed" : "/not committed";
    auto const went_on = decoder->continuation();
    decoded.facts += "/" + std::to_string(decoder->text_bytes()) + "/" + std::to_string(decoder->delta_count()) + "/" +
                     std::string(decoder->reported_model()) + "/" + std::string(decoder->finish_reason()) + "/" +
                     (went_on ? went_on->text : "none");
    return decoded;
}

/// What a decoder says that reads every event: those of one piece are read when the first is.
Decoded read_each(std::vector<std::string> const& pieces, std::size_t max_event_size = 4096) {
    return decode({std::accumulate(pieces.begin(), pieces.end(), std::string())}, max_event_size);
}

}  // namespace

TEST_CASE("an event with another text and padding is alike", "[openai]") {
    auto const first = event("one");
    auto const alike = learned(first, 3, 2);
    auto const text = GENERATE(as<std::string>(), "t", "a longer text than any block that is looked at in one step",
                               R"(\"quoted\" and \n \u00e9 \ud83d)", "\xC3\xA9\xF0\x9F\x98\x80");
    auto const padding = GENERATE(as<std::string>(), "", "xyz");
    auto const bytes = event(text, padding);
    auto const stream = bytes + event("next");
    auto const found = alike.match(stream);
    REQUIRE(found);
    CHECK(found->size == bytes.size());
    CHECK(found->text == text);
}

TEST_CASE("an event that is not whole, has no text or a wrong one is not alike", "[openai]") {
    auto const first = event("one");
    auto const alike = learned(first, 3, 2);
    for (std::size_t size = 0; size < first.size(); ++size) {
        CAPTURE(size);
        CHECK_FALSE(alike.match(first.substr(0, size)));
    }
    auto const text =
        GENERATE(as<std::string>(), "", "\n", "a\tb", R"(\x)", R"(\u12)", "\xC3", "\xFF", R"(a","role":"b)");
    CAPTURE(text);
    CHECK_FALSE(alike.match(event(text)));
    CHECK_FALSE(alike.match(event("a", text + "\n")));
}

TEST_CASE("any other difference makes an event unlike", "[openai]") {
    auto const first = event("one");
    auto const alike = learned(first, 3, 2);
    for (std::size_t at = 0; at < first.size(); ++at) {
        bool const in_text = at >= before.size() && at < before.size() + 3;
        bool const in_padding = at >= first.size() - behind.size() - 2 && at < first.size() - behind.size();
        if (in_text || in_padding) continue;
        auto changed = first;
        changed[at] = changed[at] == '_' ? '-' : '_';
        CAPTURE(changed);
        CHECK_FALSE(alike.match(changed));
    }
}

TEST_CASE("nothing is alike before something was learned, or when there is too much around the text", "[openai]") {
    CHECK_FALSE(AlikeChunks().match(event("one")));
    auto const large = "data: {\"pad\":\"" + std::string(1024, 'x') + "\",\"content\":\"text\"}\n\n";
    AlikeChunks alike;
    alike.learn(large, std::string_view(large).substr(large.size() - 8, 4), {});
    CHECK_FALSE(alike.match(large));
}

TEST_CASE("recognising chunks that are alike changes nothing, whatever one of them becomes", "[openai]") {
    auto const first = event("one");
    auto const second = event("two", "longer padding");
    auto const with =
        GENERATE(as<std::string>(), "", "\"", "\\", "\n", "\n\n", "}", "x", std::string(1, '\0'), "\xC3", ",");
    for (std::size_t at = 0; at < second.size(); ++at) {
        auto changed = second;
        changed.replace(at, 1, with);
        CAPTURE(changed);
        std::vector<std::string> const pieces{first, changed, event("three"), event("four") + "data: [DONE]\n\n"};
        REQUIRE(decode(pieces) == read_each(pieces));
    }
}

TEST_CASE("recognising chunks that are alike changes nothing where more than text is added", "[openai]") {
    auto const other =
        GENERATE(as<std::string>(), R"("usage":{"prompt_tokens":1,"completion_tokens":2})",
                 R"("error":{"message":"x"})", R"("obfuscation":1)", R"("obfuscation":"a","obfuscation":"b")",
                 R"("choices":[{"index":1,"delta":{"content":"b"}}])", R"("object":"other")", R"("model":"m")");
    auto const delta =
        GENERATE(as<std::string>(), R"({"content":"b"})", R"({"content":""})", R"({"content":null})",
                 R"({"content":"b","content":"c"})", R"({"reasoning_content":"b"})",
                 R"({"reasoning":"b","content":"c"})", R"({"tool_calls":[{"index":0}]})", R"({"content":["b"]})");
    auto const finish = GENERATE(as<std::string>(), "null", R"("stop")", R"("")", R"("error")");
    auto const chunk = R"(data: {"choices":[{"index":0,"delta":)" + delta + R"(,"finish_reason":)" + finish + "}]";
    std::vector<std::string> const pieces{event("one"),
                                          chunk + "}\n\n",
                                          chunk + "}\n\n",
                                          chunk + "," + other + "}\n\n",
                                          chunk + "," + other + "}\n\n",
                                          event("two") + "data: [DONE]\n\n"};
    CAPTURE(chunk, other);
    CHECK(decode(pieces) == read_each(pieces));
}

TEST_CASE("thoughts that only go on are recognised, and the text behind them is kept", "[openai]") {
    auto const thought = [](std::string const& text) {
        return R"(data: {"choices":[{"index":0,"delta":{"content":null,"reasoning_content":")" + text + "\"}}]}\n\n";
    };
    auto const last = GENERATE_COPY(event("c"), thought("4"), event("c") + thought("4") + thought("5"),
                                    event("c") + thought("4") + event("d") + event("e"));
    std::vector<std::string> pieces{thought("1"), thought("2"), thought("3"), event("a"), event("b")};
    for (std::size_t at = 0; at < last.size();) {
        auto const end = last.find("\n\n", at) + 2;
        pieces.push_back(last.substr(at, end - at));
        at = end;
    }
    CAPTURE(last);
    CHECK(decode(pieces) == read_each(pieces));
    bool const could_go_on = !decode(pieces).facts.ends_with("/none");
    CHECK(could_go_on == (last == event("c")));
}

TEST_CASE("an alike event over the size limit is refused", "[openai]") {
    std::vector<std::string> const pieces{event("one"), event(std::string(200, 'x'))};
    auto const decoded = decode(pieces, 200);
    CHECK(decoded == read_each(pieces, 200));
    CHECK(decoded.client == event("one"));
}

TEST_CASE("alike events are recognised behind one that was cut", "[openai]") {
    std::string stream;
    for (int i = 0; i < 20; ++i) stream += event("text " + std::to_string(i));
    auto const piece = GENERATE(range<std::size_t>(1, 400));
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < stream.size(); at += piece) pieces.push_back(stream.substr(at, piece));
    auto const decoded = decode(pieces);
    CHECK(decoded.client.substr(0, stream.size()) == stream);
    CHECK(decoded.facts.find("/20/") != std::string::npos);
}
