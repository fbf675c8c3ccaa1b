#include "config/problem.hpp"

#include <algorithm>

#include "core/types/error.hpp"

namespace sluice::config {
namespace {

std::string_view name_of(Severity severity) { return severity == Severity::error ? "error" : "warning"; }

std::string painted(std::string_view text, std::string_view code, Colour colour) {
    if (colour == Colour::none) return std::string(text);
    return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

/// Workflow commands end at a newline, and use '%' to escape.
std::string escaped_for_github(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == '%')
            out += "%25";
        else if (c == '\n')
            out += "%0A";
        else if (c == '\r')
            out += "%0D";
        else
            out += c;
    }
    return out;
}

}  // namespace

std::string shown(Position const& at) { return at.line > 0 ? at.file + ":" + std::to_string(at.line) : at.file; }

std::string to_text(Problem const& problem, Colour colour) {
    bool const is_error = problem.severity == Severity::error;
    std::string out = painted(shown(problem.at), "1", colour);
    if (problem.at.line > 0) out += painted(":" + std::to_string(problem.at.column), "1", colour);
    out +=
        ": " + painted(name_of(problem.severity), is_error ? "1;31" : "1;33", colour) + ": " + problem.message + "\n";
    if (problem.excerpt.empty()) return out;
    std::string const number = std::to_string(problem.at.line);
    out += "  " + number + " | " + problem.excerpt + "\n";
    out += "  " + std::string(number.size(), ' ') + " | ";
    auto const indent = static_cast<std::size_t>(std::max(0, problem.at.column - 1));
    out += std::string(indent, ' ') + painted("^", is_error ? "1;31" : "1;33", colour) + "\n";
    return out;
}

std::string first_error(std::vector<Problem> const& problems) {
    for (auto const& problem : problems) {
        if (problem.severity == Severity::error) return shown(problem.at) + ": " + problem.message;
    }
    return "unknown";
}

std::string to_github(Problem const& problem) {
    std::string out = "::" + std::string(name_of(problem.severity)) + " file=" + escaped_for_github(problem.at.file);
    if (problem.at.line > 0) {
        out += ",line=" + std::to_string(problem.at.line) + ",col=" + std::to_string(problem.at.column);
    }
    return out + "::" + escaped_for_github(problem.message) + "\n";
}

std::string to_json(std::vector<Problem> const& problems) {
    std::string out = "[";
    for (Problem const& problem : problems) {
        if (out.size() > 1) out += ',';
        out += "\n  {\"severity\":\"" + std::string(name_of(problem.severity)) + "\"";
        out += ",\"file\":" + json_quoted(problem.at.file) + ",\"line\":" + std::to_string(problem.at.line);
        out +=
            ",\"column\":" + std::to_string(problem.at.column) + ",\"message\":" + json_quoted(problem.message) + "}";
    }
    return out + (problems.empty() ? "]\n" : "\n]\n");
}

bool has_errors(std::vector<Problem> const& problems) {
    return std::ranges::any_of(problems, [](Problem const& problem) { return problem.severity == Severity::error; });
}

}  // namespace sluice::config
