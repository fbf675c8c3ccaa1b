#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/pipeline/outcome.hpp"
#include "core/types/chat_request.hpp"
#include "core/types/clock.hpp"

namespace sluice {

/// A chat completion request that has been authenticated, read and checked. It outlives its Pipeline::handle().
struct ClientRequest {
    std::string request_id;
    ClientInfo client;
    std::string caller;                       ///< name of the key; empty without keys
    std::vector<std::string> allowed_models;  ///< empty: all; names and patterns as in the configuration
    std::string method;
    std::string route;
    ChatRequest const& chat;
    std::optional<milliseconds> client_timeout;  ///< how long the client says it waits (x-stainless-timeout ...)
    Instant received_at;                         ///< when its head was complete
    std::chrono::system_clock::time_point started_at;
    std::uint64_t bytes_in = 0;
};

}  // namespace sluice
