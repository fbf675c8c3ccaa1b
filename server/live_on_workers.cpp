#include "server/live_on_workers.hpp"

#include <future>
#include <iterator>
#include <utility>

namespace sluice {
namespace {

/// A worker that is so busy is left out.
constexpr seconds patience{1};

/// What `ask` gives on `worker`. Whoever comes too late finds nobody there.
template <class Ask>
auto on(GatewayWorker& worker, Ask ask) -> decltype(ask(worker.live())) {
    using Answer = decltype(ask(worker.live()));
    auto const promise = std::make_shared<std::promise<Answer>>();
    auto answer = promise->get_future();
    worker.worker().post([&worker, promise, ask = std::move(ask)] { promise->set_value(ask(worker.live())); });
    return answer.wait_for(patience) == std::future_status::ready ? answer.get() : Answer{};
}

}  // namespace

std::vector<api::LiveRequest> LiveOnWorkers::list() {
    std::vector<api::LiveRequest> all;
    for (auto const& worker : workers_) {
        auto some = on(*worker, [](api::LiveRequests& live) { return live.list(); });
        std::ranges::move(some, std::back_inserter(all));
    }
    return all;
}

std::size_t LiveOnWorkers::cut_request(std::string_view request_id) {
    return cut([id = std::string(request_id)](ClientRequest const& request) { return request.request_id == id; });
}

std::size_t LiveOnWorkers::cut_key(std::string_view key_id) {
    return cut([id = std::string(key_id)](ClientRequest const& request) { return request.caller.id == id; });
}

std::size_t LiveOnWorkers::cut(std::function<bool(ClientRequest const&)> const& is_meant) {
    std::size_t count = 0;
    for (auto const& worker : workers_) {
        count += on(*worker, [is_meant](api::LiveRequests& live) { return live.cut(is_meant); });
    }
    return count;
}

}  // namespace sluice
