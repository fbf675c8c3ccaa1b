#include "core/stream/sse_writer.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "core/stream/sse_parser.hpp"

using namespace sluice;

namespace {

std::string written(std::string_view data) {
    std::string out = "before\n\n";
    append_event(out, data);
    CHECK(out.size() == 8 + event_size(data) - (data.find("\r\n") == std::string_view::npos ? 0 : 7));
    return out.substr(8);
}

}  // namespace

TEST_CASE("data becomes one event", "[sse]") {
    CHECK(written("{\"a\":1}") == "data: {\"a\":1}\n\n");
    CHECK(written("") == "data: \n\n");
    CHECK(written("a\nb") == "data: a\ndata: b\n\n");
}

TEST_CASE("nothing inside of data begins a line of its own", "[sse]") {
    CHECK(written("a\n\nevent: evil") == "data: a\ndata: \ndata: event: evil\n\n");
    CHECK(written("a\r\rid: evil") == "data: a\ndata: \ndata: id: evil\n\n");
    CHECK(written("a\r\nretry: 1") == "data: a\ndata: retry: 1\n\n");
    CHECK(written("a\n") == "data: a\ndata: \n\n");
    CHECK(written(std::string_view("a\0b", 3)) == std::string("data: a\0b\n\n", 11));
    CHECK(written("a\xE2\x80\xA8"
                  "b") ==
          "data: a\xE2\x80\xA8"
          "b\n\n");
}

TEST_CASE("what was written reads back as the same data", "[sse]") {
    auto const data =
        GENERATE(as<std::string>(), "x", "", "a\nb", "\n", "\n\n\n", ": no comment", " indented", "data: x");
    std::string stream;
    append_event(stream, data);
    SseParser parser;
    std::vector<SseEvent> events;
    REQUIRE(parser.feed(stream, events));
    REQUIRE(events.size() == 1);
    CHECK(events[0].data == data);
    CHECK(events[0].raw == stream);
}

TEST_CASE("the error event is one line that no text can break", "[sse]") {
    Error const error{.kind = ErrorKind::stream_interrupted, .message = "bad\n\ndata: [DONE]\r\n"};
    CHECK(error_event(error) ==
          "data: {\"error\":{\"message\":\"bad\\n\\ndata: [DONE]\\u000d\\n\",\"type\":\"server_error\",\"param\":null,"
          "\"code\":\"stream_interrupted\"}}\n\n");
}
