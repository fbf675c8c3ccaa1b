#include "server/lab/stats.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace sluice::lab {
namespace {

using json = nlohmann::ordered_json;
constexpr std::array<char const*, 3> ended_names{"complete", "cut", "cancelled"};

std::string text_of(json const& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"; }

json request_json(Request const& request) {
    json headers = json::object();
    for (auto const& [name, value] : request.headers) headers[name] = value;
    json out{{"method", request.method}, {"target", request.target}, {"headers", headers}};
    out["body"] = json::parse(request.body, nullptr, false);
    out["body_text"] = request.body;
    return out;
}

}  // namespace

std::uint64_t Stats::open_connection() {
    std::lock_guard lock(mutex_);
    ++open_connections_;
    ++connections_;
    auto number = ++last_connection_;
    recent_connections_[number % recent_connections_.size()] = {number, 0};
    return number;
}

void Stats::close_connection() {
    std::lock_guard lock(mutex_);
    --open_connections_;
}

void Stats::begin_request(std::uint64_t connection) {
    std::lock_guard lock(mutex_);
    ++requests_;
    auto& slot = recent_connections_[connection % recent_connections_.size()];
    if (slot.connection == connection) ++slot.requests;
}

unsigned Stats::count_attempt(std::string_view key) {
    std::lock_guard lock(mutex_);
    if (attempts_.size() >= most_attempts) attempts_.clear();
    return ++attempts_[std::string(key)];
}

void Stats::keep(Request& request) {
    std::lock_guard lock(mutex_);
    std::swap(recent_[kept_++ % recent_.size()], request);
}

void Stats::begin_stream() {
    std::lock_guard lock(mutex_);
    most_streams_ = std::max(most_streams_, ++open_streams_);
}

void Stats::end_stream() {
    std::lock_guard lock(mutex_);
    --open_streams_;
}

void Stats::count_bytes(std::size_t bytes) {
    std::lock_guard lock(mutex_);
    bytes_ += bytes;
}

void Stats::add(Bill bill) {
    std::lock_guard lock(mutex_);
    ++by_status_[bill.status];
    cancelled_ += bill.ended == Ended::cancelled ? 1 : 0;
    cut_ += bill.ended == Ended::cut ? 1 : 0;
    bool is_known = models_.contains(bill.model) || models_.size() < most_models;
    auto& model = models_[is_known ? bill.model : "other"];
    ++model.requests;
    model.prompt += bill.prompt;
    model.completion += bill.completion;
    model.reasoning += bill.reasoning;
    ++billed_;
    bills_.push_back(std::move(bill));
    if (bills_.size() > most_bills) bills_.pop_front();
}

void Stats::reset() {
    std::lock_guard lock(mutex_);
    requests_ = cancelled_ = cut_ = bytes_ = billed_ = kept_ = connections_ = 0;
    most_streams_ = open_streams_;
    by_status_.clear();
    attempts_.clear();
    models_.clear();
    bills_.clear();
    recent_connections_.fill({});
    recent_.fill({});
}

std::string Stats::stats_json() const {
    std::lock_guard lock(mutex_);
    json out{{"requests", requests_},
             {"cancelled", cancelled_},
             {"cut", cut_},
             {"open_streams", open_streams_},
             {"most_open_streams", most_streams_},
             {"open_connections", open_connections_},
             {"connections_accepted", connections_},
             {"bytes_sent", bytes_},
             {"answers", json::object()},
             {"models", json::object()},
             {"tokens", json::object()},
             {"requests_per_connection", json::object()},
             {"attempts", json::object()}};
    for (auto const& [status, count] : by_status_) out["answers"][std::to_string(status)] = count;
    PerModel total;
    for (auto const& [name, model] : models_) {
        out["models"][name] = {{"requests", model.requests},
                               {"prompt_tokens", model.prompt},
                               {"completion_tokens", model.completion},
                               {"reasoning_tokens", model.reasoning}};
        total.prompt += model.prompt;
        total.completion += model.completion;
        total.reasoning += model.reasoning;
    }
    out["tokens"] = {{"prompt_tokens", total.prompt},
                     {"completion_tokens", total.completion},
                     {"reasoning_tokens", total.reasoning}};
    for (auto const& slot : recent_connections_)
        if (slot.connection > 0) out["requests_per_connection"][std::to_string(slot.connection)] = slot.requests;
    std::size_t listed = 0;
    for (auto const& [key, count] : attempts_)
        if (++listed <= 1000) out["attempts"][key] = count;
    return text_of(out);
}

std::string Stats::requests_json(std::size_t most) const {
    std::lock_guard lock(mutex_);
    json list = json::array();
    auto count = std::min({static_cast<std::size_t>(kept_), recent_.size(), most});
    for (std::size_t i = 0; i < count; ++i) list.push_back(request_json(recent_[(kept_ - 1 - i) % recent_.size()]));
    if (most == 1) return text_of(list.empty() ? json(nullptr) : list[0]);
    return text_of(list);
}

std::string Stats::bill_json() const {
    std::lock_guard lock(mutex_);
    json list = json::array();
    for (auto const& bill : bills_)
        list.push_back({{"key", bill.key},
                        {"model", bill.model},
                        {"status", bill.status},
                        {"stream", bill.is_stream},
                        {"usage_reported", bill.usage_reported},
                        {"prompt_tokens", bill.prompt},
                        {"completion_tokens", bill.completion},
                        {"reasoning_tokens", bill.reasoning},
                        {"ended", ended_names[static_cast<std::size_t>(bill.ended)]}});
    return text_of(json{{"requests", billed_}, {"listed", list.size()}, {"bills", list}});
}

}  // namespace sluice::lab
