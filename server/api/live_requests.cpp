#include "server/api/live_requests.hpp"

namespace sluice::api {

std::vector<LiveRequest> LiveRequests::list() const {
    std::vector<LiveRequest> all;
    for (auto const* entry = last_; entry != nullptr; entry = entry->before_) {
        auto const& request = entry->request_;
        all.push_back({.request_id = std::string(request.request_id),
                       .key_id = request.caller.id,
                       .key = request.caller.name,
                       .team = request.caller.team,
                       .requested_model = request.chat.requested_model,
                       .client_ip = request.client.ip,
                       .stream = request.chat.stream,
                       .started_at = request.started_at});
    }
    return all;
}

std::size_t LiveRequests::cut(std::function<bool(ClientRequest const&)> const& is_meant, CancelReason reason) {
    std::vector<Cancellation*> meant;  // a request that is told may end, and take others with it
    for (auto const* entry = last_; entry != nullptr; entry = entry->before_) {
        if (is_meant(entry->request_)) meant.push_back(&entry->cancellation_);
    }
    for (auto* const cancellation : meant) {
        if (is_live(*cancellation)) cancellation->trigger(reason);
    }
    return meant.size();
}

bool LiveRequests::is_live(Cancellation const& cancellation) const {
    for (auto const* entry = last_; entry != nullptr; entry = entry->before_) {
        if (&entry->cancellation_ == &cancellation) return true;
    }
    return false;
}

}  // namespace sluice::api
