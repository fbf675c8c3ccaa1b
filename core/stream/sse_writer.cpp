#include "core/stream/sse_writer.hpp"

#include <algorithm>

namespace sluice {
namespace {

constexpr std::string_view field = "data: ";

}  // namespace

std::size_t event_size(std::string_view data) {
    auto const breaks = std::count_if(data.begin(), data.end(), [](char c) { return c == '\n' || c == '\r'; });
    return data.size() + (1 + static_cast<std::size_t>(breaks)) * field.size() + 2;
}

void append_event(std::string& out, std::string_view data) {
    while (true) {
        auto const end = data.find_first_of("\r\n");
        out += field;
        out += data.substr(0, end);
        out += '\n';
        if (end == std::string_view::npos) break;
        data.remove_prefix(end + (data.substr(end).starts_with("\r\n") ? 2 : 1));
    }
    out += '\n';
}

std::string error_event(Error const& error) {
    std::string event;
    append_event(event, to_error_body(error));
    return event;
}

}  // namespace sluice
