#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "core/types/result.hpp"

namespace sluice::cli {

struct ClientCall {
    std::string method = "GET";
    std::string url;  ///< http://… or https://…
    std::map<std::string, std::string> headers{};
    std::string body{};
    std::chrono::seconds timeout{30};  ///< for every single read
};

struct ClientAnswer {
    int status = 0;
    std::map<std::string, std::string> headers;  ///< names in lower case
};

/// A plain, blocking HTTP client for the command line. `on_piece` gets the body as it arrives. Certificates are
/// verified against the system's store, or the file that SSL_CERT_FILE names. Errors: upstream_unavailable, with the
/// reason.
Result<ClientAnswer> call(ClientCall const& call, std::function<void(std::string_view piece)> const& on_piece);

}  // namespace sluice::cli
