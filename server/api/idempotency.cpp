#include "server/api/idempotency.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::api {
namespace {

constexpr std::size_t longest_key = 255;

bool is_visible(char c) { return c > ' ' && c <= '~'; }

}  // namespace

Result<std::string_view> idempotency_key(http::RequestHead const& head) {
    auto const key = head.find("idempotency-key");
    if (head.count("idempotency-key") == 1 && !key.empty() && key.size() <= longest_key &&
        std::ranges::all_of(key, is_visible)) {
        return key;
    }
    return std::unexpected(
        Error{.kind = ErrorKind::invalid_value,
              .message = "the header 'Idempotency-Key' must be one of 1 to 255 visible ASCII characters",
              .param = "Idempotency-Key"});
}

Error answer_not_kept() {
    return {.kind = ErrorKind::idempotency_conflict,
            .message =
                "this request was served, but its answer is not kept any more; to have it served and charged "
                "again use a new Idempotency-Key",
            .param = "Idempotency-Key",
            .code = "idempotent_answer_not_kept"};
}

std::size_t IdempotencyTable::DigestHash::operator()(Digest const& digest) const {
    std::size_t value = 0;
    std::memcpy(&value, digest.data(), sizeof value);
    return value;
}

void IdempotencyTable::configure(IdempotencySettings const& settings) {
    keep_.store(settings.keep, std::memory_order_relaxed);
    most_bytes_.store(settings.memory_bytes, std::memory_order_relaxed);
}

Result<IdempotencyPlace> IdempotencyTable::enter(Digest const& name, Digest const& request, std::uint64_t most_leads,
                                                 Instant now) {
    std::lock_guard const lock(mutex_);
    forget_expired(now, lock);
    if (auto const found = entries_.find(name); found != entries_.end()) {
        auto const& entry = found->second;
        if (entry.request != request) {
            return std::unexpected(Error{.kind = ErrorKind::idempotency_conflict, .param = "Idempotency-Key"});
        }
        if (!entry.answer) return std::unexpected(answer_not_kept());
        return IdempotencyPlace{.answer = entry.answer};
    }
    if (leads_ >= most_leads) {
        return std::unexpected(Error{.kind = ErrorKind::overloaded, .detail = "too many requests with a name"});
    }
    if (entries_.size() >= most_names && !finished_.empty()) forget_oldest(lock);
    auto answer = std::make_shared<RecordedAnswer>(*this);
    entries_.emplace(name, Entry{.request = request, .answer = answer});
    ++leads_;
    return IdempotencyPlace{.lead = Lead(*this, name), .answer = std::move(answer)};
}

void IdempotencyTable::leave(Digest const& name) {
    std::lock_guard const lock(mutex_);
    --leads_;
    entries_.erase(name);
}

void IdempotencyTable::finish(Digest const& name, Instant now) {
    std::lock_guard const lock(mutex_);
    --leads_;
    auto& answer = entries_.at(name).answer;
    if (!answer->is_kept() || !answer->is_finished()) answer.reset();
    finished_.push_back({.name = name, .at = now});
}

void IdempotencyTable::forget_oldest(std::lock_guard<std::mutex> const&) {
    entries_.erase(finished_.front().name);
    finished_.pop_front();
    if (emptied_ > 0) --emptied_;
}

void IdempotencyTable::forget_expired(Instant now) {
    std::lock_guard const lock(mutex_);
    forget_expired(now, lock);
}

void IdempotencyTable::forget_expired(Instant now, std::lock_guard<std::mutex> const& lock) {
    auto const keep = keep_.load(std::memory_order_relaxed);
    while (!finished_.empty() && finished_.front().at + keep <= now) forget_oldest(lock);
}

bool IdempotencyTable::take(std::uint64_t bytes) {
    used_.fetch_add(bytes, std::memory_order_relaxed);
    if (!is_full()) return true;
    std::lock_guard const lock(mutex_);
    while (is_full() && emptied_ < finished_.size()) entries_.at(finished_[emptied_++].name).answer.reset();
    return !is_full();
}

IdempotencyTable::Facts IdempotencyTable::facts() const {
    std::lock_guard const lock(mutex_);
    return {.replays = replays_.load(std::memory_order_relaxed),
            .names = entries_.size(),
            .bytes = used_.load(std::memory_order_relaxed)};
}

}  // namespace sluice::api
