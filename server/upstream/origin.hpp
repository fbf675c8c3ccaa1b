#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/environment.hpp"
#include "core/types/result.hpp"

namespace sluice::upstream {

enum class Scheme : std::uint8_t { http, https };

/// Where an upstream (or a proxy) lives.
struct Origin {
    Scheme scheme = Scheme::https;
    std::string host;  ///< without brackets
    std::uint16_t port = 443;
    std::string path;         ///< in front of every request's path; no trailing slash
    std::string credentials;  ///< "user:password" of a proxy's URL

    /// For the Host field: the port only where it is not the scheme's own.
    std::string authority() const;
    friend bool operator==(Origin const&, Origin const&) = default;
};

/// Reads `http(s)://[user:password@]host[:port][/path]`. Errors: internal, with the text and what is wrong.
Result<Origin> parse_origin(std::string_view url);

/// The proxy that the environment names for `target` (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY; lower case wins, as
/// curl has it; HTTP_PROXY only in lower case, since a CGI server sets the other). Empty: none.
std::string proxy_for(Origin const& target, config::Environment const& environment);

/// The proxy for `target`: `configured` ("none": no proxy at all), else what the environment names; nothing: go
/// directly. Errors: internal, for a proxy that is not an http:// one.
Result<std::optional<Origin>> find_proxy(Origin const& target, std::string const& configured,
                                         config::Environment const& environment);

}  // namespace sluice::upstream
