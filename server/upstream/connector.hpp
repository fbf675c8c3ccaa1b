#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "server/net/connection.hpp"
#include "server/upstream/pool.hpp"
#include "server/upstream/resolver.hpp"

namespace sluice::upstream {

/// TLS client contexts by CA file, shared by all workers. Thread: any.
class TlsContexts {
public:
    /// The context for `ca_file` as it was last read; reads it on first use.
    Result<net::TlsContext> get(std::string const& ca_file);
    /// Reads the file (again); connections opened from now on verify against that. Blocks: when a configuration is
    /// loaded, not on the path of a request.
    Result<> reload(std::string const& ca_file);

private:
    std::mutex mutex_;
    std::map<std::string, net::TlsContext> contexts_;
};

struct ConnectOptions {
    std::string const& ca_file;
    TimeoutSettings const& timeout;
    Instant deadline;
    Cancellation& cancellation;
};

/// Opens connections: name, address (both families, one after the other), proxy, TLS. Thread: its worker's.
class Connector {
public:
    Connector(net::Worker& worker, TlsContexts& contexts, net::ConnectionObserver& observer)
        : worker_(worker), contexts_(contexts), observer_(observer), resolver_(worker) {}

    /// A connection ready for HTTP to the pool's origin. Errors: upstream_unavailable (`detail` says which step),
    /// upstream_timeout when `deadline` is over, client_closed / server_shutdown.
    Task<Result<std::unique_ptr<net::Connection>>> connect(Pool& pool, ConnectOptions const& options);

private:
    Task<Result<std::unique_ptr<net::Connection>>> open(Origin const& to, ConnectOptions const& options);
    Task<Result<>> tunnel(net::Connection& connection, Origin const& to, Origin const& proxy,
                          ConnectOptions const& options);
    Task<Result<>> start_tls(net::Connection& connection, Pool& pool, ConnectOptions const& options);

    net::Worker& worker_;
    TlsContexts& contexts_;
    net::ConnectionObserver& observer_;
    Resolver resolver_;
};

/// "dXNlcjpwYXNz", for Proxy-Authorization.
std::string base64(std::string_view bytes);

}  // namespace sluice::upstream
