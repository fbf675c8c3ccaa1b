#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/types/error.hpp"

/// Events for a client. Nothing inside of data can start a line of its own.
namespace sluice {

inline constexpr std::string_view keep_alive_comment = ": keep-alive\n\n";
inline constexpr std::string_view done_event = "data: [DONE]\n\n";

/// Bytes that append_event will add.
std::size_t event_size(std::string_view data);

/// Appends one event with `data`, a `data:` line for each of its lines; CR and CRLF in it become LF.
void append_event(std::string& out, std::string_view data);

/// The event that ends a stream which broke: the SDKs raise on its `error` member. No `[DONE]` may follow.
std::string error_event(Error const& error);

}  // namespace sluice
