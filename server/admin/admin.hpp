#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/pipeline/ports.hpp"
#include "core/pipeline/snapshot.hpp"
#include "server/admin/routes.hpp"
#include "server/admin/tokens.hpp"
#include "server/http/server_request.hpp"
#include "server/observe/metrics.hpp"

namespace sluice::admin {

/// What the process says about itself to probes. Thread: any.
struct Condition {
    std::atomic<bool> ready{false};
    std::atomic<bool> draining{false};
};

/// The configuration in force, for whoever asks from another thread than the workers'. Thread: any.
class InForce {
public:
    void set(std::shared_ptr<Snapshot const> snapshot) {
        std::lock_guard const lock(mutex_);
        snapshot_ = std::move(snapshot);
    }
    std::shared_ptr<Snapshot const> get() const {
        std::lock_guard const lock(mutex_);
        return snapshot_;
    }

private:
    std::mutex mutable mutex_;
    std::shared_ptr<Snapshot const> snapshot_;
};

/// The admin listener: /metrics, /healthz, /readyz, and the API below /admin (routes.hpp). Runs on a thread of its own,
/// so that neither a busy worker nor a large metrics page, nor a database that takes its time, is in the way of others.
class Admin final : public http::Handler {
public:
    Admin(observe::Metrics& metrics, Condition const& condition, InForce const& in_force, DialectLookup dialects,
          LimitSettings limits);

    /// What the API is about; `settings` and `explain` are those of what is in force. Thread: before the first request.
    void use(AdminParts parts);

    /// Whose tokens are good. Thread: any.
    void configure(AdminSettings const& settings);

    Task<> handle(http::ServerRequest& request) override;
    void refused(http::ServerRequest const&, Error const&) override {}
    LimitSettings const& limits() const override { return limits_; }

private:
    struct Page {
        int status = 200;
        std::string_view type = "text/plain; charset=utf-8";
        std::string text{};
        std::string allow{};  ///< methods, for 405
    };
    Page page_at(std::string_view path, bool is_read) const;
    Task<Page> api(http::ServerRequest& request) const;
    std::optional<Answer> refuse(Route const& route, std::optional<keys::Grantor> const& who, Tokens const& tokens,
                                 std::string_view peer) const;
    std::shared_ptr<Tokens const> tokens() const;

    observe::Metrics& metrics_;
    Condition const& condition_;
    InForce const& in_force_;
    DialectLookup dialects_;
    LimitSettings limits_;
    AdminParts parts_;
    std::mutex mutable mutex_;  ///< guards what follows
    std::shared_ptr<Tokens const> tokens_;
};

}  // namespace sluice::admin
