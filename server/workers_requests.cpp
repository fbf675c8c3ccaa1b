#include "server/workers_requests.hpp"

#include <future>
#include <iterator>
#include <string>

namespace sluice {
namespace {

constexpr seconds patience{1};

/// What `ask` gives on each worker's thread.
template <class T>
std::vector<T> ask_all(std::vector<std::unique_ptr<GatewayWorker>> const& workers,
                       std::function<T(api::LiveRequests&)> const& ask) {
    std::vector<std::future<T>> answers;
    for (auto const& worker : workers) {
        auto promise = std::make_shared<std::promise<T>>();
        answers.push_back(promise->get_future());
        worker->with_requests([promise, ask](api::LiveRequests& live) { promise->set_value(ask(live)); });
    }
    std::vector<T> all;
    auto const until = std::chrono::steady_clock::now() + patience;
    for (auto& answer : answers)
        if (answer.wait_until(until) == std::future_status::ready) all.push_back(answer.get());
    return all;
}

std::size_t cut_all(std::vector<std::unique_ptr<GatewayWorker>> const& workers,
                    std::function<bool(ClientRequest const&)> is_meant) {
    std::size_t count = 0;
    auto const cut = [is_meant = std::move(is_meant)](api::LiveRequests& live) { return live.cut(is_meant); };
    for (auto const each : ask_all<std::size_t>(workers, cut)) count += each;
    return count;
}

}  // namespace

std::vector<api::LiveRequest> WorkersRequests::list() {
    using List = std::vector<api::LiveRequest>;
    List all;
    for (auto& list : ask_all<List>(workers_, [](api::LiveRequests& live) { return live.list(); }))
        std::ranges::move(list, std::back_inserter(all));
    return all;
}

std::size_t WorkersRequests::cut_request(std::string_view request_id) {
    return cut_all(workers_, [id = std::string(request_id)](ClientRequest const& request) {
        return std::string_view(request.request_id) == id;
    });
}

std::size_t WorkersRequests::cut_key(std::string_view key_id) {
    return cut_all(workers_,
                   [id = std::string(key_id)](ClientRequest const& request) { return request.caller.id == id; });
}

void WorkersRequests::let_workers_catch_up() {
    ask_all<bool>(workers_, [](api::LiveRequests&) { return true; });
}

}  // namespace sluice
