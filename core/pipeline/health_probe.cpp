#include "core/pipeline/health_probe.hpp"

#include <utility>

namespace sluice {
namespace {

constexpr std::size_t most_of_a_page = 64 * 1024;

/// An error that says something about the provider.
std::optional<Probe> failed(Error const& error) {
    switch (error.kind) {
        case ErrorKind::client_closed:
        case ErrorKind::server_shutdown:
        case ErrorKind::overloaded:
            return std::nullopt;
        default:
            return Probe{.why = error.detail.empty() ? std::string(describe(error.kind).message) : error.detail.str()};
    }
}

CredentialSettings const* credential_of(ProviderRuntime const& provider, Instant now) {
    auto const& credentials = provider.credentials->credentials();
    if (credentials.empty()) return nullptr;
    return &credentials[provider.credentials->pick(now, 0).value_or(0)];
}

/// So that the connection can be used again.
Task<> read_page(Exchange& exchange, Instant until) {
    std::size_t size = 0;
    while (size < most_of_a_page) {
        auto const piece = co_await exchange.read(until);
        if (!piece) co_return;
        if (piece->empty()) {
            exchange.keep_connection();
            co_return;
        }
        size += piece->size();
    }
}

}  // namespace

Task<std::optional<Probe>> probe(Upstream& upstream, Clock& clock, ProviderRuntime const& provider,
                                 Cancellation& cancellation) {
    auto const& settings = *provider.settings;
    auto const now = clock.now();
    auto const until = now + settings.health.timeout;
    Headers const none;
    UpstreamCall const call{.provider = settings,
                            .credential = credential_of(provider, now),
                            .method = "GET",
                            .path = settings.health.path,
                            .path_of_server = true,
                            .body = {},
                            .request_id = "health-check",
                            .accept = "application/json",
                            .client_headers = none,
                            .timeout = settings.timeout,
                            .deadline = until,
                            .cancellation = cancellation};
    auto called = co_await upstream.call(call);
    if (!called) co_return failed(called.error());
    auto const exchange = std::move(*called);  // goes before `call`
    auto const head = co_await exchange->head(until);
    if (!head) co_return failed(head.error());
    Probe answered{.result = judge_probe((*head)->status), .status = (*head)->status, .why = {}};
    if (answered.result == ProbeResult::failed) answered.why = "it answered " + std::to_string(answered.status);
    co_await read_page(*exchange, until);
    co_return answered;
}

}  // namespace sluice
