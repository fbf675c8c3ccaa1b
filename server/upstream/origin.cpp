#include "server/upstream/origin.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace sluice::upstream {
namespace {

Error bad_url(std::string_view url, std::string_view why) {
    return Error{.kind = ErrorKind::internal, .detail = "'" + std::string(url) + "': " + std::string(why)};
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

/// One entry of NO_PROXY: "*", a host, ".domain" or "domain" (which covers its subdomains), each with an optional port.
bool covers(std::string_view entry, Origin const& target) {
    if (entry == "*") return true;
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
        origin.credentials = authority.substr(0, at);
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

}  // namespace sluice::upstream
