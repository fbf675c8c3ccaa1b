#include "core/pipeline/race.hpp"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

constexpr milliseconds short_wait{1};

}  // namespace

Task<Result<bool>> Lane::claim() {
    while (race_.writing_) {  // whole comments only
        SLUICE_CO_CHECK(co_await race_.run_.parts.clock.sleep(short_wait, cancellation_));
    }
    if (race_.winner_ != nullptr) co_return race_.winner_ == this;
    race_.winner_ = this;
    for (auto const& other : race_.lanes_) {
        if (other && other.get() != this) other->cancellation_.trigger(CancelReason::beaten);
    }
    race_.gate_->open();
    co_return true;
}

bool Lane::is_alone() const { return race_.running() == 1; }
std::size_t Lane::others() const { return race_.count_ - 1; }
bool Lane::has_claimed() const { return race_.winner_ == this; }
Instant Lane::race_started() const { return race_.started_; }

Race::Race(RequestRun& run) : run_(run), started_(run.parts.clock.now()), gate_(run.parts.clock.make_gate()) {}

void Race::start(std::size_t candidate, Entry&& entry, AttemptPlan const& plan) {
    auto& lane = *(lanes_[count_++] = std::make_unique<Lane>(*this));
    auto in_lane = plan;
    in_lane.lane = &lane;
    lane.attempt_.emplace(run_, candidate, std::move(entry), in_lane);
    lane.running_ = true;
    spawn(go(lane), [&lane, gate = gate_](std::exception_ptr thrown) {
        lane.thrown_ = std::move(thrown);
        lane.running_ = false;
        gate->open();
    });
}

Task<> Race::go(Lane& lane) { lane.result_ = co_await lane.attempt_->go(); }

std::size_t Race::running() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(lanes_, [](auto const& lane) { return lane != nullptr && lane->running_; }));
}

Task<> Race::wait(Instant until) {
    while (!is_decided() && run_.parts.clock.now() < until) co_await wait_once(until);
}

/// Until something has happened, or a comment is due and sent.
Task<> Race::wait_once(Instant until) {
    bool const talks = winner_ == nullptr;
    auto const waited =
        co_await gate_->wait(talks ? earlier(until, run_.stream.next_comment()) : until, run_.cancellation);
    if (!waited) {
        cancel_all(run_.cancellation.reason());
        Cancellation none;  // those who end now must still be waited for
        while (running() > 0) std::ignore = co_await gate_->wait(never, none);
        co_return;
    }
    if (winner_ != nullptr || running() == 0) co_return;
    writing_ = true;
    std::ignore = co_await run_.stream.keep_alive(run_.parts.clock.now());  // who has left is noticed by the next wait
    writing_ = false;
}

Task<Result<>> Race::finish() {
    while (running() > 0) co_await wait_once(never);
    for (auto const& lane : lanes_) {
        if (lane && lane->thrown_) std::rethrow_exception(lane->thrown_);
    }
    if (winner_ == nullptr) run_.outcome.upstream_time += run_.parts.clock.now() - started_;
    auto& last = winner_ != nullptr ? *winner_ : *lanes_[count_ - 1];
    auto result = std::move(*last.result_);
    for (auto const& lane : lanes_) {
        if (lane && lane.get() != &last) lane->attempt_.reset();  // records it: the one that counts comes last
    }
    last.attempt_.reset();
    co_return result;
}

void Race::cancel_all(CancelReason reason) {
    for (auto const& lane : lanes_) {
        if (lane) lane->cancellation_.trigger(reason);
    }
}

}  // namespace sluice
