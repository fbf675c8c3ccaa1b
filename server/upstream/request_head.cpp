#include "server/upstream/request_head.hpp"

#include <algorithm>
#include <tuple>

#include "server/http/head_writer.hpp"
#include "server/upstream/connector.hpp"

namespace sluice::upstream {

std::string fixed_fields(Origin const& origin) {
    std::string out;
    http::write_own_field(out, "host", origin.authority());
    http::write_own_field(out, "user-agent", "sluice/" SLUICE_VERSION);
    http::write_own_field(out, "accept-encoding", "identity");
    http::write_own_field(out, "content-type", "application/json");
    return out;
}

std::string request_head(UpstreamCall const& call, Origin const& origin, std::string_view fixed, Origin const* proxy) {
    std::string out;
    out.reserve(512);
    bool const through_proxy = proxy && origin.scheme == Scheme::http;
    out.append(call.method).append(" ");
    if (through_proxy) out.append("http://").append(origin.authority());
    if (!call.path_of_server) out.append(origin.path);
    out.append(call.path).append(" HTTP/1.1\r\n").append(fixed);
    http::write_own_field(out, "accept", call.accept);
    if (call.method == "POST") http::write_number_field(out, "content-length", call.body_size);
    http::write_own_field(out, "x-request-id", call.request_id);
    // What the configuration brings could end its line: then it is left out, and the provider refuses the request.
    if (call.credential && call.provider.auth == AuthScheme::bearer) {
        std::string value("Bearer ");
        value += call.credential->value.expose();
        std::ignore = http::write_field(out, "authorization", value);
    } else if (call.credential && call.provider.auth == AuthScheme::header) {
        std::ignore = http::write_field(out, call.provider.auth_header, call.credential->value.expose());
    }
    for (auto const& [name, value] : call.provider.headers) std::ignore = http::write_field(out, name, value);
    for (auto const& [name, value] : call.client_headers) {
        auto const& taken = call.provider.forward_headers;
        if (std::ranges::find(taken, name) != taken.end()) std::ignore = http::write_field(out, name, value);
    }
    if (through_proxy && !proxy->credentials.empty()) {
        http::write_own_field(out, "proxy-authorization", "Basic " + base64(proxy->credentials));
    }
    http::write_head_end(out);
    return out;
}

}  // namespace sluice::upstream
