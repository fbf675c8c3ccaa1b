// Every text that names a place: a target and its path, a Host, an address or a base URL of the configuration, an
// upstream's origin, a proxy and the list of hosts without one. Compared with rules written down a second time, and
// with one another: what the configuration accepts, the connector reads as the same host and port.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/addresses.hpp"
#include "server/http/request_head.hpp"
#include "server/http/target.hpp"
#include "server/upstream/origin.hpp"
#include "tests/fuzz/cuts.hpp"
#include "tests/fuzz/strict_http.hpp"

namespace {

using namespace sluice;

int hex(char c) {
    auto const at = std::string_view("0123456789abcdef").find(static_cast<char>(c >= 'A' && c <= 'F' ? c | 0x20 : c));
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

/// Escapes resolved; nothing if one is broken or stands for a control byte.
std::optional<std::string> resolved(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
        int const byte = hex(text[i + 1]) * 16 + hex(text[i + 2]);
        if (byte < 0x20 || byte == 0x7F) return std::nullopt;
        out += static_cast<char>(byte);
        i += 2;
    }
    return out;
}

std::vector<std::string> segments(std::string_view path) {
    std::vector<std::string> parts(1);
    for (char const c : path) {
        if (c == '/') {
            parts.emplace_back();
        } else {
            parts.back() += c;
        }
    }
    return parts;
}

void check_target(std::string_view target) {
    std::string scratch;
    auto const normal = http::normalise(target, scratch);
    auto path = std::string(target.substr(0, target.find('?')));
    if (path.empty() && target.starts_with('?')) path = "/";
    auto const parts = segments(path);
    bool const dots = std::ranges::any_of(parts, [](std::string const& part) {
        auto const name = resolved(part);
        return name && (*name == "." || *name == "..");
    });
    bool const good = path.starts_with('/') && resolved(path) && !dots;
    fuzz::require(good == normal.has_value(), "a path is refused for a reason, and only then");
    if (!normal) return;
    std::string expected;
    for (auto const& part : parts) {
        if (!part.empty()) expected += "/" + part;
    }
    if (expected.empty()) expected = "/";
    fuzz::require(normal->path == expected, "slashes are collapsed, and nothing else");
    auto const mark = target.find('?');
    fuzz::require(normal->query == (mark == std::string_view::npos ? "" : target.substr(mark + 1)),
                  "the query is kept");
    std::string again;
    fuzz::require(http::normalise(normal->path, again)->path == expected, "normal is normal");
}

void check_id(std::string_view text) {
    auto const id = http::decode_id(text);
    auto const expected = resolved(text);
    bool const dots = expected && std::ranges::any_of(segments(*expected), [](std::string const& part) {
                          return part == "." || part == "..";
                      });
    fuzz::require(id.has_value() == (expected && !dots), "an id is refused for a reason, and only then");
    fuzz::require(!id || *id == *expected, "escapes are resolved once");
}

void check_base_url(std::string const& text) {
    auto const url = config::check_base_url(text);
    if (!url) return fuzz::require(!url.error().empty(), "a refusal has a reason");
    auto const& checked = std::get<std::string>(*url);
    auto const again = config::check_base_url(checked);
    fuzz::require(again && std::get<std::string>(*again) == checked, "what was checked is good as it is");
    auto const parts = config::parts_of_url(checked);
    auto const origin = upstream::parse_origin(checked);
    fuzz::require(origin.has_value(), "the connector reads what the configuration accepts");
    fuzz::require(origin->host == parts.host && origin->port == parts.port, "the same host and port");
    fuzz::require(origin->credentials.empty(), "no credentials come with a base URL");
    fuzz::require(origin->path.empty() || (origin->path.starts_with('/') && !origin->path.ends_with('/')), "a prefix");
    fuzz::require(origin->path.find_first_of(" \r\n\t?#") == std::string::npos, "nothing that ends a request line");
    fuzz::require(fuzz::strict_authority(origin->authority()) || origin->host.find(':') != std::string::npos,
                  "its Host field is one that we would accept ourselves");
}

void check_origin(std::string const& text) {
    auto const origin = upstream::parse_origin(text);
    if (!origin) {
        auto const at = text.rfind('@');
        bool const has_password = at != std::string::npos && text.find("kanarienvogel") < at;
        bool const shown = origin.error().detail.find("kanarienvogel") != std::string::npos;
        fuzz::require(!has_password || !shown || text.find("kanarienvogel", at) != std::string::npos,
                      "a password is not in the message");
        return;
    }
    fuzz::require(!origin->host.empty(), "an origin has a host");
    config::Environment const environment = [&text](std::string_view name) -> std::optional<std::string> {
        return name == "no_proxy"    ? std::optional(text)
               : name == "all_proxy" ? std::optional("http://p:1")
                                     : std::nullopt;
    };
    auto const proxy = upstream::proxy_for(*origin, environment);
    fuzz::require(proxy.empty() || proxy == "http://p:1", "a proxy comes from the environment");
    (void)upstream::find_proxy(*origin, text, environment);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    std::string const text(reinterpret_cast<char const*>(bytes), size);
    check_target(text);
    check_id(text);
    fuzz::require(http::is_authority(text) == fuzz::strict_authority(text), "a Host is one, or none, for both");
    check_base_url(text);
    check_origin(text);
    if (auto const address = config::check_address(text)) {
        auto const parts = config::parts_of_address(text);
        fuzz::require(!parts.host.empty() && parts.port >= 0 && parts.port <= 65'535, "an address has both parts");
    }
    if (auto const proxy = config::check_proxy_url(text)) {
        auto const origin = upstream::parse_origin(std::get<std::string>(*proxy));
        fuzz::require(origin && origin->scheme == upstream::Scheme::http && origin->port > 0, "a proxy can be reached");
    }
    return 0;
}
