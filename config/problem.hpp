#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

/// A place in a file of the configuration. Lines and columns count from 1, columns in characters; line 0: the whole
/// file, or a place that is no file (a command line flag).
struct Position {
    std::string file;
    int line = 0;
    int column = 0;
    friend auto operator<=>(Position const&, Position const&) = default;
};

enum class Severity : std::uint8_t { warning, error };

/// One thing that is wrong, with what would be right. Neither text holds a secret, nor the value of a variable unless
/// that is part of a file's name.
struct Problem {
    Severity severity = Severity::error;
    Position at;
    std::string message;
    std::string excerpt{};   ///< the line of the file, with secrets masked; empty where there is none
    bool about_key = false;  ///< the excerpt ends with the key: nobody knows whether a secret follows
    friend bool operator==(Problem const&, Problem const&) = default;
};

enum class Colour : std::uint8_t { none, ansi };

/// "file:line:column: error: message", then the line and a caret below the column. Ends with a newline.
std::string to_text(Problem const& problem, Colour colour);

/// The first error among `problems` on one line, for a log; "unknown" when there is none.
std::string first_error(std::vector<Problem> const& problems);

/// A workflow command that makes CI annotate the line. Ends with a newline.
std::string to_github(Problem const& problem);

/// A JSON array with one object per problem: severity, file, line, column, message. Ends with a newline.
std::string to_json(std::vector<Problem> const& problems);

bool has_errors(std::vector<Problem> const& problems);

/// "file:line" or, without a line, "file".
std::string shown(Position const& at);

}  // namespace sluice::config
