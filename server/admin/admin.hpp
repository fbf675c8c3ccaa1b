#pragma once

#include <atomic>

#include "server/http/server_request.hpp"
#include "server/observe/metrics.hpp"

namespace sluice::admin {

/// What the process says about itself to probes. Thread: any.
struct Condition {
    std::atomic<bool> ready{false};
    std::atomic<bool> draining{false};
};

/// The admin listener: /metrics, /healthz, /readyz. Runs on a thread of its own, so that neither a busy worker nor a
/// large metrics page is in the way of the other.
class Admin final : public http::Handler {
public:
    Admin(observe::Metrics& metrics, Condition const& condition, LimitSettings limits)
        : metrics_(metrics), condition_(condition), limits_(limits) {}

    Task<> handle(http::ServerRequest& request) override;
    void refused(http::ServerRequest const&, Error const&) override {}
    LimitSettings const& limits() const override { return limits_; }

private:
    observe::Metrics& metrics_;
    Condition const& condition_;
    LimitSettings limits_;
};

}  // namespace sluice::admin
