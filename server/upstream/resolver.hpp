#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/pipeline/ports.hpp"
#include "server/net/waiter.hpp"
#include "server/net/worker.hpp"

namespace sluice::upstream {

/// Names to addresses, both families, without ever blocking its worker: getaddrinfo runs on Asio's own thread. Answers
/// are kept for 30 s; an older one serves on while it is being renewed, and when renewing fails; one that is older than
/// 5 minutes only when renewing fails. Thread: its worker's.
class Resolver {
public:
    using Addresses = std::vector<boost::asio::ip::address>;

    explicit Resolver(net::Worker& worker);
    ~Resolver();

    /// Errors: upstream_unavailable, upstream_timeout, client_closed / server_shutdown.
    Task<Result<Addresses>> resolve(std::string const& host, Instant until, Cancellation& cancellation);

private:
    struct Entry;

    void start(std::string const& host, std::shared_ptr<Entry> const& entry);

    net::Worker& worker_;
    boost::asio::ip::basic_resolver<boost::asio::ip::tcp, Executor> resolver_;
    std::map<std::string, std::shared_ptr<Entry>> entries_;
};

}  // namespace sluice::upstream
