#include "server/gateway_worker.hpp"

namespace sluice {

GatewayWorker::GatewayWorker(unsigned index, Shared const& shared, api::Runtime runtime)
    : worker_(index),
      client_gauge_(shared.metrics.shard(index), observe::Side::client, shared.log),
      upstream_gauge_(shared.metrics.shard(index), observe::Side::upstream, shared.log),
      upstream_(worker_, shared.tls_contexts, shared.workers, shared.environment, upstream_gauge_),
      recorder_(shared.metrics.shard(index), shared.access_log.shard(index)),
      prober_(upstream_, worker_, shared.health, shared.log),
      pipeline_(upstream_, worker_, recorder_, shared.dialects, shared.retry_budget, accounting(shared)),
      api_(pipeline_, recorder_, shared.metrics.shard(index), shared.memory, std::move(runtime), worker_,
           shared.idempotency),
      listener_(worker_, api_, shared.listeners, client_gauge_) {
    worker_.watch_memory(shared.memory);
}

void GatewayWorker::start(net::TlsContext tls) {
    listener_.start(std::move(tls));
    worker_.start();
}

void GatewayWorker::adopt(api::Runtime runtime, net::TlsContext tls) {
    worker_.post([this, runtime = std::move(runtime), tls = std::move(tls)] {
        api_.adopt(runtime);
        listener_.use_tls(tls);
    });
}

void GatewayWorker::watch_health(std::shared_ptr<Snapshot const> snapshot) {
    worker_.post([this, snapshot = std::move(snapshot)] { prober_.adopt(snapshot); });
}

void GatewayWorker::start_draining() {
    worker_.post([this] { listener_.sessions().start_draining(); });
}

void GatewayWorker::stop_accepting() {
    worker_.post([this] {
        listener_.close();
        accepting_ = false;
    });
}

void GatewayWorker::cancel_requests() {
    worker_.post([this] {
        // First those without a client of their own: whoever reads along hears why they end.
        api_.live().cut([](ClientRequest const&) { return true; }, CancelReason::server_shutdown);
        listener_.sessions().cancel_all();
    });
}

void GatewayWorker::close_quiet(Duration time) {
    worker_.post([this, time] { listener_.sessions().close_quiet(time); });
}

}  // namespace sluice
