#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "config/schema.hpp"

namespace sluice::config {

/// "127.0.0.1:8080", "[::1]:0", "localhost:8080". The error has no subject, like parse_value's.
std::expected<Value, std::string> check_address(std::string_view text);

/// An http(s) URL with a host and perhaps a path. Given back without a slash at its end and without a pasted
/// "/chat/completions".
std::expected<Value, std::string> check_base_url(std::string_view text);

/// "http://host:port"
std::expected<Value, std::string> check_proxy_url(std::string_view text);

/// Of a checked address: the host without brackets, and the port.
struct HostPort {
    std::string host;
    int port = 0;
};
HostPort parts_of_address(std::string_view address);
/// Of a checked URL; without a port, its scheme's.
HostPort parts_of_url(std::string_view url);

}  // namespace sluice::config
