// An event stream, cut anywhere, against the rules of the WHATWG written down once more as simply as they can be. What
// may be relayed must read as the same event again.
#include "core/stream/sse_parser.hpp"

#include <string>
#include <vector>

#include "core/stream/sse_writer.hpp"
#include "tests/fuzz/cuts.hpp"

namespace {

using namespace sluice;

struct Event {
    std::string data;
    std::string type;
    friend bool operator==(Event const&, Event const&) = default;
};

std::vector<std::string> lines_of(std::string_view stream) {
    std::vector<std::string> lines(1);
    for (std::size_t i = 0; i < stream.size(); ++i) {
        bool const crlf = stream[i] == '\r' && i + 1 < stream.size() && stream[i + 1] == '\n';
        if (crlf) ++i;
        if (stream[i] == '\n' || stream[i] == '\r') {
            lines.emplace_back();
        } else {
            lines.back() += stream[i];
        }
    }
    lines.pop_back();  // what no line end follows
    return lines;
}

std::vector<Event> expected(std::string_view stream) {
    if (stream.starts_with("\xEF\xBB\xBF")) stream.remove_prefix(3);
    std::vector<Event> events;
    std::string data;
    std::string type;
    for (auto const& line : lines_of(stream)) {
        if (line.empty()) {
            if (!data.empty()) events.push_back({data.substr(0, data.size() - 1), type});
            data.clear();
            type.clear();
            continue;
        }
        auto const colon = line.find(':');
        auto const name = line.substr(0, colon);
        auto value = colon == std::string::npos ? std::string() : line.substr(colon + 1);
        if (value.starts_with(' ')) value.erase(0, 1);
        if (name == "data") data += value + "\n";
        if (name == "event") type = value;
    }
    return events;
}

/// What a client makes of `event` when it is relayed.
Event relayed(SseEvent const& event) {
    std::string text(event.raw);
    if (text.empty()) append_event(text, event.data);
    auto const again = expected(text);
    fuzz::require(again.size() == 1, "a relayed event is one event");
    fuzz::require(!event.raw.empty() || text.size() == event_size(event.data), "the size of a written event is known");
    return again.front();
}

struct Parsed {
    std::vector<Event> events;
    std::string relay;
};

Parsed parse(std::string_view stream, fuzz::Cuts* cuts) {
    SseParser parser;
    Parsed parsed;
    std::vector<SseEvent> events;
    while (!stream.empty()) {
        std::string const piece(stream.substr(0, cuts == nullptr ? stream.size() : cuts->piece(stream.size())));
        stream.remove_prefix(piece.size());
        events.clear();
        fuzz::require(parser.feed(piece, events).has_value(), "a short stream is within the limit");
        for (auto const& event : events) {
            if (event.data.empty() && event.raw.empty()) continue;  // a type or a stray line, without any data
            parsed.events.push_back({std::string(event.data), std::string(event.type)});
            fuzz::require(relayed(event).data == event.data, "data survives the relay");
            parsed.relay += event.raw;
        }
    }
    return parsed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    std::string_view const stream(reinterpret_cast<char const*>(bytes), size);
    fuzz::Cuts cuts(stream);
    auto const whole = parse(stream, nullptr);
    auto const pieces = parse(stream, &cuts);
    fuzz::require(whole.events == pieces.events, "cuts do not change the events");
    fuzz::require(whole.relay == pieces.relay, "cuts do not change what may be relayed as it came");
    auto reference = expected(stream);
    std::erase_if(reference, [](Event const& event) { return event.data.empty(); });
    auto ours = whole.events;
    std::erase_if(ours, [](Event const& event) { return event.data.empty(); });
    fuzz::require(ours == reference, "the events are those of the specification");
    return 0;
}
