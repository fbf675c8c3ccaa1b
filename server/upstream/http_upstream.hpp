#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "core/pipeline/ports.hpp"
#include "server/upstream/connector.hpp"
#include "server/upstream/exchange.hpp"
#include "server/upstream/pool.hpp"

namespace sluice::upstream {

/// Calls upstreams over HTTP/1.1, with one pool for each address, TLS setup, proxy and credential. Thread: its
/// worker's.
class HttpUpstream final : public Upstream {
public:
    /// `workers`: how many share each provider's limit on open connections. `environment`: names
    /// the proxies.
    HttpUpstream(net::Worker& worker, TlsContexts& contexts, unsigned workers, config::Environment environment,
                 net::ConnectionObserver& observer)
        : worker_(worker),
          connector_(worker, contexts, observer),
          workers_(workers),
          environment_(std::move(environment)) {}

    Task<Result<std::unique_ptr<Exchange>>> call(UpstreamCall const& call) override;

private:
    Result<std::shared_ptr<Pool>> pool_for(UpstreamCall const& call);

    net::Worker& worker_;
    Connector connector_;
    HeadParsers parsers_;
    unsigned workers_;
    config::Environment environment_;
    std::unordered_map<std::string, std::shared_ptr<Pool>> pools_;
    std::string key_;  ///< reused, so that a look-up costs no allocation
};

}  // namespace sluice::upstream
