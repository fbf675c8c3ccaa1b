#pragma once

#include <memory>
#include <vector>

#include "server/admin/admin_parts.hpp"
#include "server/gateway_worker.hpp"

namespace sluice {

/// The requests under way on all workers, for the admin API: asks each worker on its own thread, and waits for its
/// answer.
class LiveOnWorkers final : public admin::LiveRequests {
public:
    /// The workers outlive its last call.
    explicit LiveOnWorkers(std::vector<std::unique_ptr<GatewayWorker>> const& workers) : workers_(workers) {}

    std::vector<api::LiveRequest> list() override;
    std::size_t cut_request(std::string_view request_id) override;
    std::size_t cut_key(std::string_view key_id) override;

private:
    std::size_t cut(std::function<bool(ClientRequest const&)> const& is_meant);

    std::vector<std::unique_ptr<GatewayWorker>> const& workers_;
};

}  // namespace sluice
