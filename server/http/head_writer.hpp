#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::http {

/// Appends `HTTP/1.1 200 OK\r\n`. Always 1.1: the version says what we speak, not what the client spoke.
void write_status_line(std::string& out, int status);

/// Appends `POST /v1/chat/completions HTTP/1.1\r\n`. False, and nothing is written, if it would not be one line.
[[nodiscard]] bool write_request_line(std::string& out, std::string_view method, std::string_view target);

/// Appends `name: value\r\n`. False, and nothing is written, if the name is no token or the value could end the line:
/// a value from the network or a file can never become a second field.
[[nodiscard]] bool write_field(std::string& out, std::string_view name, std::string_view value);

/// The same for a name that is known to be a token: our own, or one that was parsed.
[[nodiscard]] bool write_known_field(std::string& out, std::string_view name, std::string_view value);

/// For names and values of our own: a malformed one is a bug.
void write_own_field(std::string& out, std::string_view name, std::string_view value);
void write_number_field(std::string& out, std::string_view name, std::uint64_t value);

/// Appends the blank line.
void write_head_end(std::string& out);

/// Empty for a status that RFC 9110 does not name, which is well-formed.
std::string_view reason_phrase(int status);

}  // namespace sluice::http
