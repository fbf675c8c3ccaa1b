#include "config/addresses.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

namespace sluice::config {
namespace {

using Wrong = std::unexpected<std::string>;

std::optional<int> port_of(std::string_view text) {
    int port = -1;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    bool const whole = error == std::errc() && end == text.data() + text.size();
    if (!whole || text.starts_with('-') || port < 0 || port > 65'535) return std::nullopt;
    return port;
}

bool is_host(std::string_view host) {
    if (host.starts_with('[')) {
        if (!host.ends_with(']') || host.size() < 4) return false;
        return std::ranges::all_of(host.substr(1, host.size() - 2), [](char c) {
            return std::isxdigit(static_cast<unsigned char>(c)) != 0 || c == ':' || c == '.';
        });
    }
    return !host.empty() && host.size() <= 253 && !host.starts_with('.') && !host.starts_with('-') &&
           std::ranges::all_of(host, [](char c) {
               return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '_';
           });
}

struct Authority {
    std::string_view host;
    std::optional<std::string_view> port;
};

Authority split(std::string_view text) {
    auto const bracket = text.rfind(']');
    auto const colon = text.rfind(':');
    if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket))
        return {text, std::nullopt};
    return {text.substr(0, colon), text.substr(colon + 1)};
}

/// What is wrong with the part of a URL between "//" and the path; empty: nothing.
std::string check_authority(std::string_view text) {
    if (text.contains('@')) return "holds a name or password: give the key as `api_key`";
    auto const [host, port] = split(text);
    if (!is_host(host)) return "has no valid host";
    if (port && port_of(*port).value_or(0) == 0) return "has no valid port; allowed: 1 to 65535";
    return {};
}

bool is_visible(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

}  // namespace

std::expected<Value, std::string> check_address(std::string_view text) {
    auto const [host, port] = split(text);
    if (!port || !port_of(*port)) return Wrong("is not an address: write host:port, like 127.0.0.1:8080 or [::1]:8080");
    if (host.empty()) return Wrong("has no host: write 0.0.0.0" + std::string(text) + " for every address");
    if (!is_host(host)) return Wrong("is not an address: write host:port, like 127.0.0.1:8080 or [::1]:8080");
    return Value(std::string(text));
}

std::expected<Value, std::string> check_base_url(std::string_view text) {
    auto const scheme_end = text.find("://");
    bool const known = text.starts_with("http://") || text.starts_with("https://");
    if (!known) return Wrong("is not a URL: it must start with https:// or http://");
    if (!is_visible(text)) return Wrong("holds a space or a character that a URL can't have");
    if (text.find_first_of("?#") != std::string_view::npos) return Wrong("may have no query and no fragment");
    std::string_view const rest = text.substr(scheme_end + 3);
    if (auto wrong = check_authority(rest.substr(0, rest.find('/'))); !wrong.empty()) return Wrong(std::move(wrong));
    std::size_t const shortest = scheme_end + 4;
    auto const trim_slashes = [&text, shortest] {
        while (text.size() > shortest && text.ends_with('/')) text.remove_suffix(1);
    };
    trim_slashes();
    constexpr std::string_view pasted = "/chat/completions";
    while (text.ends_with(pasted) && text.size() >= pasted.size() + shortest) {
        text.remove_suffix(pasted.size());
        trim_slashes();
    }
    return Value(std::string(text));
}

std::expected<Value, std::string> check_proxy_url(std::string_view text) {
    constexpr std::string_view scheme = "http://";
    if (text.starts_with("https://") || text.starts_with("socks"))
        return Wrong("is not supported: only http:// proxies are");
    if (!text.starts_with(scheme)) return Wrong("is not a proxy: write http://host:port");
    std::string_view rest = text.substr(scheme.size());
    if (rest.ends_with('/')) rest.remove_suffix(1);
    if (rest.contains('@')) return Wrong("holds a name or password, which is not supported");
    auto const [host, port] = split(rest);
    if (!is_host(host) || !port || port_of(*port).value_or(0) == 0)
        return Wrong("is not a proxy: write http://host:port");
    return Value(std::string(scheme) + std::string(rest));
}

HostPort parts_of_address(std::string_view address) {
    auto const [host, port] = split(address);
    HostPort parts{.host = std::string(host), .port = port ? port_of(*port).value_or(0) : 0};
    if (host.starts_with('[') && host.ends_with(']')) parts.host = host.substr(1, host.size() - 2);
    return parts;
}

HostPort parts_of_url(std::string_view url) {
    bool const is_tls = url.starts_with("https");
    auto const start = url.find("://");
    if (start == std::string_view::npos) return {};
    std::string_view const rest = url.substr(start + 3);
    HostPort parts = parts_of_address(rest.substr(0, rest.find('/')));
    if (parts.port == 0) parts.port = is_tls ? 443 : 80;
    return parts;
}

}  // namespace sluice::config
