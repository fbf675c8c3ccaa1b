#include "server/upstream/http_upstream.hpp"

#include "server/upstream/exchange.hpp"

namespace sluice::upstream {

Result<std::shared_ptr<Pool>> HttpUpstream::pool_for(UpstreamCall const& call) {
    auto const& provider = call.provider;
    key_.clear();
    for (std::string_view const part :
         {std::string_view(provider.base_url), std::string_view(provider.proxy), std::string_view(provider.ca_file),
          std::string_view(provider.name), call.credential ? call.credential->value.expose() : std::string_view()}) {
        key_.append(part).push_back('\n');
    }
    auto const found = pools_.find(key_);
    if (found != pools_.end()) return found->second;

    SLUICE_TRY(auto origin, parse_origin(provider.base_url));
    SLUICE_TRY(auto proxy, find_proxy(origin, provider.proxy, environment_));
    // What an older configuration used, or a key that was replaced, leaves nothing behind.
    std::erase_if(pools_, [](auto const& entry) { return entry.second.use_count() == 1 && entry.second->unused(); });
    auto pool = std::make_shared<Pool>(worker_, std::move(origin), std::move(proxy));
    pools_.emplace(key_, pool);
    return pool;
}

Task<Result<std::unique_ptr<Exchange>>> HttpUpstream::call(UpstreamCall const& call) {
    if (call.cancellation) co_return std::unexpected(net::cancelled_error(call.cancellation));
    SLUICE_CO_TRY(auto const pool, pool_for(call));
    SLUICE_CO_TRY(auto slot, co_await pool->slot(call.provider.pool, workers_, call.cancellation));
    ExchangeContext const context{.worker = worker_, .connector = connector_, .parsers = parsers_};
    auto exchange = std::make_unique<HttpExchange>(context, call, std::move(slot));
    SLUICE_CO_CHECK(co_await exchange->send());
    co_return exchange;
}

}  // namespace sluice::upstream
