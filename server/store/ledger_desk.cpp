#include "server/store/ledger_desk.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "server/store/event_bytes.hpp"

namespace sluice::store {
namespace {

constexpr seconds retry_after{5};
constexpr std::size_t usual_frame = 4'096;

Error unavailable(std::string detail) {
    return Error{
        .kind = ErrorKind::ledger_unavailable, .detail = std::move(detail), .retry_after = milliseconds(retry_after)};
}

WallTime wall_time() { return std::chrono::floor<milliseconds>(std::chrono::system_clock::now()); }

}  // namespace

/// One call of a desk.
class LedgerDesk::Call final : public LedgerCall {
public:
    Call(LedgerDesk& desk, CallId id, std::int64_t requests) : desk_(desk), id_(id), requests_(requests) {}
    Call(Call const&) = delete;
    Call& operator=(Call const&) = delete;
    ~Call() override {
        if (position_ == 0) std::erase(desk_.begun_, this);
        if (!settled_) end({.at = wall_time(), .result = AttemptResult::cancelled}, 0);
    }

    void said(LedgerJournal::Added const& added) {
        position_ = added.end;
        is_refused_ = !added.is_written;
    }

    Task<Result<>> recorded(Cancellation& cancellation) override {
        if (position_ == 0) co_await desk_.end_of_turn();
        if (is_refused_) co_return std::unexpected(refused("the reservation was not written"));
        if (desk_.writer_.standing(Point::recorded, position_) == Standing::reached) co_return Result<>();
        auto done = co_await desk_.wait(Point::recorded, position_, cancellation);
        if (!done && done.error().kind == ErrorKind::ledger_unavailable) ++desk_.writer_.counters_.refused;
        co_return done;
    }

    Task<Result<>> durable(Cancellation& cancellation) override {
        if (position_ == 0) co_await desk_.end_of_turn();
        if (is_refused_) co_return std::unexpected(unavailable("the reservation was not written"));
        if (desk_.writer_.standing(Point::durable, position_) == Standing::reached) co_return Result<>();
        co_return co_await desk_.wait(Point::durable, position_, cancellation);
    }

    void raise(NanoUsd amount) override {
        if (!settled_) desk_.say(Raise{.id = id_, .at = wall_time(), .amount = amount});
    }

    void settle(LedgerSettlement const& settlement) override { end(settlement, requests_); }

private:
    Error refused(std::string why) {
        ++desk_.writer_.counters_.refused;
        return unavailable(std::move(why));
    }

    void end(LedgerSettlement const& settlement, std::int64_t requests) {
        if (std::exchange(settled_, true)) return;
        desk_.writer_.count_settled(settlement);
        desk_.say(Settle{.id = id_, .end = settlement, .requests = requests});
    }

    LedgerDesk& desk_;
    CallId const id_;
    std::int64_t const requests_;  ///< what it counts as
    std::uint64_t position_ = 0;   ///< in the journal; 0: not there yet
    bool is_refused_ = false;
    bool settled_ = false;
};

LedgerDesk::LedgerDesk(LedgerWriter& writer, net::Worker& worker) : writer_(writer), worker_(worker) {
    writer_.open_desk(*this);
}

LedgerDesk::~LedgerDesk() {
    writer_.close_desk(*this);
    if (!frame_.empty()) write_frame();
}

Result<std::unique_ptr<LedgerCall>> LedgerDesk::reserve(LedgerReservation const& reservation) {
    if (!writer_.takes_calls()) {
        ++writer_.counters_.refused;
        return std::unexpected(
            unavailable(writer_.status().failing ? "the ledger fails" : "too much waits to be written"));
    }
    ++writer_.counters_.begun;
    auto const id = writer_.next_call();
    add_event(frame(), id, reservation);
    auto call = std::make_unique<Call>(*this, id, reservation.attempt <= 1 ? 1 : 0);
    begun_.push_back(call.get());
    return call;
}

void LedgerDesk::say(LedgerEvent const& event) { add_event(frame(), event); }

/// Where the next event goes; it will be written.
std::string& LedgerDesk::frame() {
    ++events_;
    if (!frame_.empty()) return frame_;
    frame_.reserve(usual_frame);
    spawn(write_later(), [](std::exception_ptr const& bug) {
        if (bug) std::rethrow_exception(bug);
    });
    return frame_;
}

Task<> LedgerDesk::write_later() {
    co_await worker_.turn();
    if (!frame_.empty()) write_frame();
}

void LedgerDesk::write_frame() {
    auto const added = writer_.add(std::exchange(frame_, {}), std::exchange(events_, 0), !begun_.empty());
    for (auto* const call : std::exchange(begun_, {})) call->said(added);
    for (auto const waiting : std::exchange(in_turn_, {})) waiting.resume();
}

Task<Result<>> LedgerDesk::wait(Point point, std::uint64_t position, Cancellation& cancellation) {
    auto const& options = writer_.options_;
    auto const until = worker_.now() + (point == Point::recorded ? options.recorded_within : options.durable_within);
    if (cancellation) co_return std::unexpected(net::cancelled_error(cancellation));
    Waiting waiting{.waiter = net::Waiter(worker_.wheel()), .point = point, .position = position};
    Cancellation::Hook const hook(cancellation, waiting.waiter);
    waiting_.push_back(&waiting);
    listens_ = true;
    // Whoever came further before that told nobody here.
    auto standing = writer_.standing(point, position);
    auto woken = net::Wake::ready;
    if (standing == Standing::awaited) {
        woken = co_await waiting.waiter.wait(until);
        standing = writer_.standing(point, position);
    }
    std::erase(waiting_, &waiting);
    if (woken == net::Wake::cancelled) co_return std::unexpected(net::cancelled_error(cancellation));
    if (standing == Standing::reached) co_return Result<>();
    co_return std::unexpected(
        unavailable(standing == Standing::failed ? "the ledger fails" : "the reservation was not written in time"));
}

void LedgerDesk::tell() {
    if (listens_.exchange(false)) worker_.post([this] { wake(); });
}

/// Whoever is woken may run to its end, and take others with it.
void LedgerDesk::wake() {
    auto const is_done = [this](Waiting const* each) {
        return writer_.standing(each->point, each->position) != Standing::awaited;
    };
    listens_ = true;
    for (auto next = std::ranges::find_if(waiting_, is_done); next != waiting_.end();
         next = std::ranges::find_if(waiting_, is_done)) {
        auto& waiter = (*next)->waiter;
        waiting_.erase(next);
        waiter.wake(net::Wake::ready);
    }
    if (waiting_.empty()) listens_ = false;
}

}  // namespace sluice::store
