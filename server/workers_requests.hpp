#pragma once

#include <memory>
#include <vector>

#include "server/admin/admin_parts.hpp"
#include "server/gateway_worker.hpp"

namespace sluice {

/// The requests under way on all workers, asked for on their own threads. A worker that does not answer within a second
/// is left out. Thread: one that is no worker's, while the workers live.
class WorkersRequests final : public admin::LiveRequests {
public:
    explicit WorkersRequests(std::vector<std::unique_ptr<GatewayWorker>> const& workers) : workers_(workers) {}

    std::vector<api::LiveRequest> list() override;
    std::size_t cut_request(std::string_view request_id) override;
    std::size_t cut_key(std::string_view key_id) override;

    /// Returns when each worker has done what was posted to it before.
    void let_workers_catch_up();

private:
    std::vector<std::unique_ptr<GatewayWorker>> const& workers_;
};

}  // namespace sluice
