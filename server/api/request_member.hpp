#pragma once

#include <string>
#include <string_view>

#include "core/types/chat_request.hpp"

namespace sluice::api {

/// The JSON of the request's member `name`; empty: it has none, or not among the first ChatRequest::most_fields.
std::string_view find_member(ChatRequest const& chat, std::string_view name);

/// The text of the member `name`, without escapes, if that is a string.
std::string member_text(ChatRequest const& chat, std::string_view name);

}  // namespace sluice::api
