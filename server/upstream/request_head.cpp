#include "server/upstream/request_head.hpp"

#include "server/upstream/connector.hpp"

namespace sluice::upstream {
namespace {

void field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string request_head(UpstreamCall const& call, Origin const& origin, Origin const* proxy) {
    std::string out;
    out.reserve(512);
    out += "POST ";
    bool const through_proxy = proxy && origin.scheme == Scheme::http;
    if (through_proxy) out.append("http://").append(origin.authority());
    out.append(origin.path).append(call.path).append(" HTTP/1.1\r\n");
    field(out, "host", origin.authority());
    field(out, "user-agent", "sluice/" SLUICE_VERSION);
    field(out, "accept", call.accept);
    field(out, "accept-encoding", "identity");
    field(out, "content-type", "application/json");
    field(out, "content-length", std::to_string(call.body_size));
    field(out, "x-request-id", call.request_id);
    if (call.credential && call.provider.auth == AuthScheme::bearer) {
        out.append("authorization: Bearer ").append(call.credential->value.expose()).append("\r\n");
    } else if (call.credential && call.provider.auth == AuthScheme::header) {
        field(out, call.provider.auth_header, call.credential->value.expose());
    }
    for (auto const& [name, value] : call.provider.headers) field(out, name, value);
    if (through_proxy && !proxy->credentials.empty()) {
        field(out, "proxy-authorization", "Basic " + base64(proxy->credentials));
    }
    return out += "\r\n";
}

}  // namespace sluice::upstream
