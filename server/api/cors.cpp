#include "server/api/cors.hpp"

#include <algorithm>

namespace sluice::api {

namespace {
constexpr std::string_view exposed =
    "x-request-id, retry-after, retry-after-ms, x-should-retry, x-ratelimit-limit-requests, "
    "x-ratelimit-remaining-requests, x-ratelimit-reset-requests, x-ratelimit-limit-tokens, "
    "x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens, x-sluice-provider, x-sluice-model, x-sluice-attempts, "
    "x-sluice-cost-usd, x-sluice-idempotent-replay, x-upstream-request-id, openai-processing-ms, server-timing";
}

bool apply_cors(http::ServerRequest& request, ServerSettings const& settings) {
    if (settings.cors_origins.empty()) return false;
    request.reply.add_common({"vary", "origin"});
    auto const origin = request.head.find("origin");
    auto const allowed = [origin](std::string const& entry) { return entry == "*" || entry == origin; };
    if (origin.empty() || !std::ranges::any_of(settings.cors_origins, allowed)) return false;

    request.reply.add_common({"access-control-allow-origin", origin});
    auto const method = request.head.find("access-control-request-method");
    if (request.head.method != "OPTIONS" || method.empty()) {
        request.reply.add_common({"access-control-expose-headers", exposed});
        return false;
    }
    request.reply.add_common({"access-control-allow-methods", "GET, HEAD, POST, OPTIONS"});
    request.reply.add_common({"access-control-max-age", "86400"});
    if (auto const names = request.head.find("access-control-request-headers"); !names.empty()) {
        request.reply.add_common({"access-control-allow-headers", names});
    }
    return true;
}

}  // namespace sluice::api
