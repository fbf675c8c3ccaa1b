#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/pipeline/ports.hpp"
#include "server/net/address.hpp"
#include "server/net/waiter.hpp"
#include "server/net/worker.hpp"

namespace sluice::upstream {

/// Names to addresses, both families, without ever blocking its worker: getaddrinfo runs on a thread of its own.
/// Answers are kept for 30 s; an older one serves on while it is being renewed, and when renewing fails; one that is
/// older than 5 minutes only when renewing fails. Thread: its worker's.
class Resolver {
public:
    using Addresses = std::vector<net::Address>;  ///< with no port

    explicit Resolver(net::Worker& worker);
    ~Resolver();

    /// Errors: upstream_unavailable, upstream_timeout, client_closed / server_shutdown.
    Task<Result<Addresses>> resolve(std::string const& host, Instant until, Cancellation& cancellation);

private:
    struct Entry;
    class Lookups;

    void start(std::string const& host, std::shared_ptr<Entry> const& entry);
    void finished(Entry& entry, Addresses found, std::string failure) const;

    net::Worker& worker_;
    std::map<std::string, std::shared_ptr<Entry>> entries_;
    std::unique_ptr<Lookups> lookups_;  ///< from the first name on
};

}  // namespace sluice::upstream
