#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "core/pipeline/cancellation.hpp"
#include "core/pipeline/request.hpp"

namespace sluice::api {

/// A request under way, for whoever looks.
struct LiveRequest {
    std::string request_id{};
    std::string key_id{};
    std::string key{};
    std::string team{};
    std::string requested_model{};
    std::string client_ip{};
    bool stream = false;
    std::chrono::system_clock::time_point started_at{};
};

/// The requests under way on one worker. Thread: the worker's.
class LiveRequests {
public:
    /// Is listed while it lives. `request` and `cancellation` must live longer.
    class Entry {
    public:
        Entry(LiveRequests& requests, ClientRequest const& request, Cancellation& cancellation)
            : request_(request), cancellation_(cancellation), before_(requests.last_), last_(requests.last_) {
            if (before_ != nullptr) before_->behind_ = this;
            last_ = this;
        }
        Entry(Entry const&) = delete;
        Entry& operator=(Entry const&) = delete;
        ~Entry() {
            if (before_ != nullptr) before_->behind_ = behind_;
            (behind_ != nullptr ? behind_->before_ : last_) = before_;
        }

    private:
        friend class LiveRequests;
        ClientRequest const& request_;
        Cancellation& cancellation_;
        Entry* before_;
        Entry* behind_ = nullptr;
        Entry*& last_;
    };

    std::vector<LiveRequest> list() const;

    /// Ends those that `is_meant`. Returns how many.
    std::size_t cut(std::function<bool(ClientRequest const&)> const& is_meant,
                    CancelReason reason = CancelReason::revoked);

private:
    bool is_live(Cancellation const& cancellation) const;

    Entry* last_ = nullptr;
};

}  // namespace sluice::api
