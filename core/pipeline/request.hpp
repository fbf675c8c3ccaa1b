#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/pipeline/headers.hpp"
#include "core/pipeline/outcome.hpp"
#include "core/types/chat_request.hpp"
#include "core/types/clock.hpp"
#include "core/types/parameter_rule.hpp"

namespace sluice {

/// A chat completion request that has been authenticated, read and checked. It, and what it refers to, outlives its
/// Pipeline::handle().
struct ClientRequest {
    std::string_view request_id;
    ClientInfo client;
    std::string_view caller;                         ///< name of the key; empty without keys
    std::vector<std::string> const& allowed_models;  ///< empty: all; names and patterns as in the configuration
    std::string method;
    std::string_view route;  ///< a literal
    ChatRequest const& chat;
    std::optional<UnsupportedPolicy> unsupported{};  ///< what the client says about fields that a target doesn't take
    bool wants_receipt = false;                      ///< a header that says what was changed
    Headers forwardable{};  ///< its fields that some provider takes, lower case; each gets those that it names
    std::optional<milliseconds> client_timeout;  ///< how long the client says it waits (x-stainless-timeout ...)
    Instant received_at;                         ///< when its head was complete
    std::chrono::system_clock::time_point started_at;
    std::uint64_t bytes_in = 0;
};

}  // namespace sluice
