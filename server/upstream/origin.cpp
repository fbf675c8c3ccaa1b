#include "server/upstream/origin.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "server/http/target.hpp"

namespace sluice::upstream {
namespace {

/// The text may be a proxy's, with a password in it: that is not shown, wherever in a malformed text it stands.
Error bad_url(std::string_view url, std::string_view why) {
    auto const at = url.rfind('@');
    std::string text(url);
    if (at != std::string_view::npos) {
        auto const scheme = url.starts_with("https://") ? 8U : url.starts_with("http://") ? 7U : 0U;
        text.replace(scheme, at - scheme, "...");
    }
    return Error{.kind = ErrorKind::internal, .detail = "'" + text + "': " + std::string(why)};
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

/// Is `host` an address inside `network`, such as 10.0.0.0/8 or fd00::/8?
bool in_network(std::string_view network, std::string const& host) {
    auto const slash = network.find('/');
    if (slash == std::string_view::npos) return false;
    std::string const base(network.substr(0, slash));
    int const family = base.find(':') == std::string::npos ? AF_INET : AF_INET6;
    std::size_t const all_bits = family == AF_INET ? 32 : 128;
    std::array<unsigned char, 16> wanted{};
    std::array<unsigned char, 16> address{};
    std::size_t bits = 0;
    auto const digits = network.substr(slash + 1);
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc() || end != digits.data() + digits.size() || bits > all_bits) return false;
    if (::inet_pton(family, base.c_str(), wanted.data()) != 1) return false;
    if (::inet_pton(family, host.c_str(), address.data()) != 1) return false;
    for (std::size_t bit = 0; bit < bits; ++bit) {
        auto const mask = static_cast<unsigned char>(0x80U >> (bit % 8));
        if ((wanted[bit / 8] & mask) != (address[bit / 8] & mask)) return false;
    }
    return true;
}

/// One entry of NO_PROXY: "*", a network, a host, ".domain", "*.domain" or "domain" (which cover its subdomains), names
/// with an optional port.
bool covers(std::string_view entry, Origin const& target) {
    if (entry == "*" || in_network(entry, target.host)) return true;
    if (entry.starts_with("*.")) entry.remove_prefix(1);
    if (entry.starts_with('[') && entry.ends_with(']')) entry = entry.substr(1, entry.size() - 2);
    if (auto const colon = entry.rfind(':'); colon != std::string_view::npos && entry.find(':') == colon) {
        if (entry.substr(colon + 1) != std::to_string(target.port)) return false;
        entry = entry.substr(0, colon);
    }
    if (entry.starts_with('.')) entry.remove_prefix(1);
    if (entry.empty()) return false;
    auto const name = lower(entry);
    auto const host = lower(target.host);
    return host == name || host.ends_with("." + name);
}

bool excluded(std::string_view list, Origin const& target) {
    while (!list.empty()) {
        auto const end = std::min(list.find(','), list.size());
        auto entry = list.substr(0, end);
        list.remove_prefix(std::min(end + 1, list.size()));
        while (entry.starts_with(' ')) entry.remove_prefix(1);
        while (entry.ends_with(' ')) entry.remove_suffix(1);
        if (covers(entry, target)) return true;
    }
    return false;
}

}  // namespace

std::string Origin::authority() const {
    std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
    bool const usual = port == (scheme == Scheme::https ? 443 : 80);
    return usual ? text : text + ":" + std::to_string(port);
}

Result<Origin> parse_origin(std::string_view url) {
    Origin origin;
    auto rest = url;
    if (rest.starts_with("https://")) {
        rest.remove_prefix(8);
    } else if (rest.starts_with("http://")) {
        rest.remove_prefix(7);
        origin.scheme = Scheme::http;
        origin.port = 80;
    } else {
        return std::unexpected(bad_url(url, "must begin with http:// or https://"));
    }
    auto const slash = std::min(rest.find('/'), rest.size());
    origin.path = rest.substr(slash);
    while (origin.path.ends_with('/')) origin.path.pop_back();
    auto authority = rest.substr(0, slash);
    if (auto const at = authority.rfind('@'); at != std::string_view::npos) {
        auto const decoded = http::decode_id(authority.substr(0, at));
        if (!decoded) return std::unexpected(bad_url(url, "a malformed escape in front of the host"));
        origin.credentials = *decoded;
        authority.remove_prefix(at + 1);
    }
    auto const bracket = authority.rfind(']');
    auto const colon = authority.rfind(':');
    if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
        auto const digits = authority.substr(colon + 1);
        auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), origin.port);
        if (error != std::errc() || end != digits.data() + digits.size()) {
            return std::unexpected(bad_url(url, "the port is not a number"));
        }
        authority = authority.substr(0, colon);
    }
    if (authority.starts_with('[') && authority.ends_with(']')) {
        authority = authority.substr(1, authority.size() - 2);
    }
    if (authority.empty()) return std::unexpected(bad_url(url, "has no host"));
    origin.host = authority;
    return origin;
}

std::string proxy_for(Origin const& target, config::Environment const& environment) {
    auto first = [&environment](auto const& names) {
        for (char const* name : names) {
            if (auto const value = environment(name); value && !value->empty()) return *value;
        }
        return std::string();
    };
    if (excluded(first(std::array{"no_proxy", "NO_PROXY"}), target)) return {};
    auto proxy = target.scheme == Scheme::https ? first(std::array{"https_proxy", "HTTPS_PROXY"})
                                                : first(std::array{"http_proxy"});
    return proxy.empty() ? first(std::array{"all_proxy", "ALL_PROXY"}) : proxy;
}

Result<std::optional<Origin>> find_proxy(Origin const& target, std::string const& configured,
                                         config::Environment const& environment) {
    auto url = configured.empty() ? proxy_for(target, environment) : configured;
    if (url.empty() || url == "none") return std::nullopt;
    if (url.find("://") == std::string::npos) url.insert(0, "http://");
    if (!url.starts_with("http://")) {
        // Without the URL: it may hold a password.
        auto const scheme = url.substr(0, url.find("://"));
        return std::unexpected(Error{.kind = ErrorKind::internal,
                                     .detail = "the proxy for " + target.host + " is a " + shown(scheme) +
                                               ":// one; only http:// proxies are supported ('none' goes directly)"});
    }
    SLUICE_TRY(auto proxy, parse_origin(url));
    return proxy;
}

}  // namespace sluice::upstream
