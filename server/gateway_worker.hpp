#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "core/pipeline/pipeline.hpp"
#include "server/api/api.hpp"
#include "server/api/idempotency.hpp"
#include "server/health_prober.hpp"
#include "server/http/listener.hpp"
#include "server/net/worker.hpp"
#include "server/observe/access_log.hpp"
#include "server/observe/log.hpp"
#include "server/observe/metrics.hpp"
#include "server/observe/worker_recorder.hpp"
#include "server/store/ledger_desk.hpp"
#include "server/upstream/http_upstream.hpp"

namespace sluice {

/// What all workers of the gateway share. Outlives them.
struct Shared {
    observe::Log& log;
    HealthRegistry& health;
    observe::Metrics& metrics;
    observe::AccessLog& access_log;
    upstream::TlsContexts& tls_contexts;
    http::ListenerShared& listeners;
    net::MemoryGuard& memory;
    DialectLookup dialects;
    std::shared_ptr<RetryBudget> retry_budget;
    Accounting accounting{};
    store::LedgerWriter* ledger = nullptr;  ///< null: nothing is written down
    api::IdempotencyTable& idempotency;
    config::Environment environment;
    unsigned workers = 1;
};

/// One worker with everything that a request needs, built in the order in which the parts use each other.
class GatewayWorker {
public:
    GatewayWorker(unsigned index, Shared const& shared, api::Runtime runtime);
    /// Cuts off what still runs; each request is recorded.
    ~GatewayWorker() { worker_.end(); }

    /// Thread: the main one, before start().
    Result<std::uint16_t> bind(http::ListenAddress const& address) {
        return listener_.bind(address.host, address.port);
    }
    Result<std::uint16_t> adopt_socket(int descriptor) { return listener_.adopt(descriptor); }
    std::vector<int> descriptors() { return listener_.descriptors(); }
    void start(net::TlsContext tls);

    // --- any thread: carried out on the worker --------------------------------------------------------------------
    /// Requests that begin later use `runtime` (and connections `tls`); those in flight keep what they began with.
    void adopt(api::Runtime runtime, net::TlsContext tls);
    void adopt_runtime(api::Runtime runtime) {
        worker_.post([this, runtime = std::move(runtime)] { api_.adopt(runtime); });
    }
    /// Begins to probe the providers of `snapshot` that want it, in place of those before. One worker does it for all.
    void watch_health(std::shared_ptr<Snapshot const> snapshot);
    void start_draining();
    void stop_accepting();
    void cancel_requests();
    void close_quiet(Duration time);
    void with_requests(std::function<void(api::LiveRequests&)> look) {
        worker_.post([this, look = std::move(look)] { look(api_.live()); });
    }

    // --- any thread -----------------------------------------------------------------------------------------------
    /// False once stop_accepting() has been carried out: from then on open() can't grow.
    bool accepting() const { return accepting_; }
    std::size_t busy() const { return listener_.sessions().busy(); }
    std::size_t open() const { return listener_.sessions().open(); }
    net::Worker& worker() { return worker_; }

private:
    class ConnectionGauge final : public net::ConnectionObserver {
    public:
        ConnectionGauge(observe::MetricsShard& shard, observe::Side side, observe::Log& log)
            : shard_(shard), side_(side), log_(log) {}
        void connection_opened() override { shard_.connection_opened(side_); }
        void connection_closed() override { shard_.connection_closed(side_); }
        void connection_failed(std::string_view what) override {
            log_.error("SL9001", "a connection ended by an exception", {{"what", what}});
        }

    private:
        observe::MetricsShard& shard_;
        observe::Side side_;
        observe::Log& log_;
    };

    /// What the requests of this worker are counted by.
    Accounting accounting(Shared const& shared) {
        auto accounting = shared.accounting;
        if (shared.ledger != nullptr) accounting.ledger = &desk_.emplace(*shared.ledger, worker_);
        return accounting;
    }

    net::Worker worker_;
    std::optional<store::LedgerDesk> desk_;
    ConnectionGauge client_gauge_;
    ConnectionGauge upstream_gauge_;
    upstream::HttpUpstream upstream_;
    observe::WorkerRecorder recorder_;
    HealthProber prober_;
    Pipeline pipeline_;
    api::Api api_;
    http::Listener listener_;
    std::atomic<bool> accepting_ = true;
};

}  // namespace sluice
