#include "core/stream/sse_parser.hpp"

#include <catch2/catch.hpp>
#include <ostream>
#include <string>
#include <vector>

using namespace sluice;

namespace {

struct Event {
    std::string data;
    std::string type{};
    std::string raw{};
    std::string stray{};
    friend bool operator==(Event const&, Event const&) = default;
    friend std::ostream& operator<<(std::ostream& out, Event const& event) {
        return out << "{data " << event.data << ", type " << event.type << ", raw " << event.raw << ", stray "
                   << event.stray << "}";
    }
};

struct Parsed {
    std::vector<Event> events;
    bool refused = false;
};

void copy(std::vector<SseEvent>& from, std::vector<Event>& to) {
    for (auto const& event : from) {
        to.push_back(
            {std::string(event.data), std::string(event.type), std::string(event.raw), std::string(event.stray)});
    }
    from.clear();
}

Parsed parse_in_pieces(std::string_view stream, std::size_t piece, std::size_t limit = 1024) {
    SseParser parser(limit);
    Parsed parsed;
    std::vector<SseEvent> events;
    for (std::size_t at = 0; at < stream.size() && !parsed.refused; at += piece) {
        std::string const bytes(stream.substr(at, piece));  // its own memory, so that a stale view shows under ASan
        parsed.refused = !parser.feed(bytes, events);
        copy(events, parsed.events);
    }
    if (parsed.refused) return parsed;
    parser.finish(events);
    copy(events, parsed.events);
    return parsed;
}

std::vector<Event> events_of(std::string_view stream, std::size_t piece) {
    return parse_in_pieces(stream, piece).events;
}

}  // namespace

TEST_CASE("an event ends at a blank line, whatever the line ending and the cut", "[sse]") {
    auto const stream = GENERATE(as<std::string>(), "data: a\r\n\r\ndata: b\r\n\r\n", "data: a\r\rdata: b\r\r",
                                 "data: a\r\n\ndata: b\n\r\n", "data: a\n\r\ndata: b\r\n\r", "data:a\r\n\rdata:b\n\r");
    auto const piece = GENERATE(range<std::size_t>(1, 24));
    CAPTURE(stream, piece);
    CHECK(events_of(stream, piece) == std::vector<Event>{{"a"}, {"b"}});
}

TEST_CASE("an event of plain data lines keeps its bytes", "[sse]") {
    auto const piece = GENERATE(range<std::size_t>(1, 40));
    CHECK(events_of("data: {\"a\":1}\n\ndata:x\n\ndata: y\ndata: z\n\n", piece) ==
          std::vector<Event>{
              {"{\"a\":1}", "", "data: {\"a\":1}\n\n"}, {"x", "", "data:x\n\n"}, {"y\nz", "", "data: y\ndata: z\n\n"}});
}

TEST_CASE("the rules of the event stream format hold at every cut", "[sse]") {
    auto const [name, stream, events] = GENERATE(table<char const*, std::string, std::vector<Event>>({
        {"comments alone are no event", ": one\n\n: two\n: three\n\n\n\n", {}},
        {"a comment before an event goes", ": hi\n\ndata: a\n\n", {{"a", "", "data: a\n\n"}}},
        {"a comment line right before data goes", ": hi\ndata: a\n\n", {{"a", "", "data: a\n\n"}}},
        {"with CRLF too", ": hi\r\n: ho\r\ndata: a\n\n", {{"a", "", "data: a\n\n"}}},
        {"a comment inside an event means writing it anew", "data: a\n: hi\n\n", {{"a"}}},
        {"one space behind the colon is taken off", "data:  a \n\n", {{" a ", "", "data:  a \n\n"}}},
        {"a field name without a colon is an empty value", "data\n\n", {{"", "", "data\n\n"}}},
        {"empty data lines count", "data\ndata\n\n", {{"\n", "", "data\ndata\n\n"}}},
        {"the last type counts", "event: a\nevent: b\ndata: x\n\n", {{"x", "b"}}},
        {"id and retry are read over", "id: 7\nretry: 10\ndata: x\n\n", {{"x"}}},
        {"unknown fields are read over", "datax: 7\nDATA: 8\n data: 9\ndata: x\n\n", {{"x"}}},
        {"an event without data or type is none", "id: 7\n\n", {}},
        {"the type does not live on", "event: a\n\ndata: x\n\n", {{"", "a"}, {"x", "", "data: x\n\n"}}},
        {"a byte order mark goes",
         "\xEF\xBB\xBF"
         "data: x\n\n",
         {{"x", "", "data: x\n\n"}}},
        {"only at the very start",
         "data: x\n\n\xEF\xBB\xBF"
         "data: y\n\n",
         {{"x", "", "data: x\n\n"}}},
        {"and only if it is whole",
         "\xEF\xBB"
         "data: y\n\n",
         {}},
        {"a NUL is data",
         std::string("data: a\0b\n\n", 11),
         {{std::string("a\0b", 3), "", std::string("data: a\0b\n\n", 11)}}},
        {"U+2028 ends no line",
         "data: a\xE2\x80\xA8"
         "b\n\n",
         {{"a\xE2\x80\xA8"
           "b",
           "",
           "data: a\xE2\x80\xA8"
           "b\n\n"}}},
        {"other separators end no line",
         "data: a\x0b\x0c\x1c\xC2\x85"
         "b\n\n",
         {{"a\x0b\x0c\x1c\xC2\x85"
           "b",
           "",
           "data: a\x0b\x0c\x1c\xC2\x85"
           "b\n\n"}}},
        {"the end may lack its blank line", "data: x\n\ndata: y\n", {{"x", "", "data: x\n\n"}, {"y"}}},
        {"or its line end", "data: x\n\ndata: y", {{"x", "", "data: x\n\n"}, {"y"}}},
        {"a comment at the end is none", "data: x\n\n: y", {{"x", "", "data: x\n\n"}}},
        {"a line of JSON is reported",
         "data: x\n\n{\"error\":1}\ndata: y\n\n",
         {{"x", "", "data: x\n\n"}, {"y", "", "", "{\"error\":1}\ndata: y\n\n"}}},
    }));
    auto const piece = GENERATE(range<std::size_t>(1, 30));
    CAPTURE(name, piece);
    CHECK(events_of(stream, piece) == events);
}

TEST_CASE("an event over the limit ends the stream, whatever the cut", "[sse]") {
    auto const piece = GENERATE(std::size_t{1}, 3, 7, 100, 1000);
    std::string const fits = "data: " + std::string(40, 'x') + "\n\n";
    CHECK_FALSE(parse_in_pieces(fits, piece, 48).refused);
    auto const parsed = parse_in_pieces("data: a\n\n" + fits + "data: b\n\n", piece, 47);
    CHECK(parsed.refused);
    CHECK(parsed.events == std::vector<Event>{{"a", "", "data: a\n\n"}});
    CHECK(parse_in_pieces(":" + std::string(60, 'x') + "\n\ndata: a\n\n", piece, 47).refused);
}

TEST_CASE("any number of comments stays below the limit", "[sse]") {
    std::string stream;
    for (int i = 0; i < 100; ++i) stream += ": keep-alive\n";
    auto const parsed = parse_in_pieces(stream + "data: a\n\n", 5, 64);
    CHECK_FALSE(parsed.refused);
    CHECK(parsed.events == std::vector<Event>{{"a", "", "data: a\n\n"}});
}

TEST_CASE("an event that lies in one piece is not copied", "[sse]") {
    SseParser parser;
    std::vector<SseEvent> events;
    std::string const piece = "data: a\n\ndata: b\n\ndata: c";
    REQUIRE(parser.feed(piece, events));
    REQUIRE(events.size() == 2);
    CHECK(events[0].raw.data() == piece.data());
    CHECK(events[1].data.data() == piece.data() + 15);
}

TEST_CASE("an event that was cut holds while its stream is fed on, until it is forgotten", "[sse]") {
    SseParser parser;
    std::vector<SseEvent> events;
    std::string const large(100'000, 'x');
    REQUIRE(parser.feed_on("data: " + large, events));
    CHECK_FALSE(parser.is_between_events());
    REQUIRE(parser.feed_on("\n\n", events));
    CHECK(parser.is_between_events());
    std::string const next = "data: y\n\n";
    REQUIRE(parser.feed_on(next, events));
    REQUIRE(events.size() == 2);
    CHECK(events[0].raw == "data: " + large + "\n\n");
    CHECK(events[1].raw == next);
}

TEST_CASE("a parser is between events when nothing has come of the next, not even half a line end", "[sse]") {
    auto const [bytes, between] = GENERATE(table<char const*, bool>({
        {"", false},  // a byte order mark may follow
        {"data: a\n\n", true},
        {"data: a\n\n: comment\n", true},
        {"data: a\n\n\n", true},
        {"data: a\n", false},
        {"data: a\r\n\r", false},
        {"data: a\r\n\r\n", true},
        {"data: a\n\nd", false},
        {"data: a\n\n:", false},
        {"data: a\n\nid: 1\n", false},
    }));
    SseParser parser;
    std::vector<SseEvent> events;
    CAPTURE(bytes);
    REQUIRE(parser.feed(bytes, events));
    CHECK(parser.is_between_events() == between);
}
