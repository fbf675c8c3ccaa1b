#include "server/lab/event_text.hpp"

namespace sluice::lab {
namespace {

/// Where a newline may stand in our JSON without changing it: behind the comma of the first member.
std::size_t break_position(std::string_view data) {
    auto at = data.find("\",\"");
    return at == std::string_view::npos ? at : at + 2;
}

std::string framed(std::string_view data, Options const& options, std::size_t number, bool space) {
    auto end = line_end_text(options.line_end);
    std::string_view field = space ? "data: " : "data:";
    std::string out;
    out.reserve(data.size() + 32);
    if (options.event_lines) out.append("event: message").append(end);
    if (options.id_lines) out.append("id: ").append(std::to_string(number)).append(end);
    auto cut = options.multi_line ? break_position(data) : std::string_view::npos;
    out.append(field).append(data.substr(0, cut)).append(end);
    if (cut != std::string_view::npos) out.append(field).append(data.substr(cut)).append(end);
    return out.append(end);
}

}  // namespace

std::string_view line_end_text(LineEnd line_end) {
    if (line_end == LineEnd::crlf) return "\r\n";
    return line_end == LineEnd::cr ? "\r" : "\n";
}

std::string event_text(std::string_view data, Options const& options, std::size_t number) {
    return framed(data, options, number, options.data_space);
}

std::string done_text(Options const& options, std::size_t number) {
    return framed("[DONE]", options, number, options.data_space && options.done_space);
}

std::string comment_text(Options const& options) {
    auto end = line_end_text(options.line_end);
    return std::string(options.comment).append(end).append(end);
}

}  // namespace sluice::lab
