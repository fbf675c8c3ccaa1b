#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/pipeline/ledger.hpp"
#include "server/net/waiter.hpp"
#include "server/net/worker.hpp"
#include "server/store/ledger_writer.hpp"

namespace sluice::store {

/// Where one worker says what the ledger shall hold. What is said in one turn of the worker's loop is written
/// together, at its end. Thread: its worker's. The writer outlives it, it outlives its calls.
class LedgerDesk final : public Ledger {
public:
    LedgerDesk(LedgerWriter& writer, net::Worker& worker);
    LedgerDesk(LedgerDesk const&) = delete;
    LedgerDesk& operator=(LedgerDesk const&) = delete;
    /// Nothing of its worker runs any more.
    ~LedgerDesk() override;

    Result<std::unique_ptr<LedgerCall>> reserve(LedgerReservation const& reservation) override;

    /// The journal or the store has come further, or fails. Thread: any.
    void tell();

private:
    class Call;
    using Point = LedgerWriter::Point;
    using Standing = LedgerWriter::Standing;

    struct Waiting {
        net::Waiter waiter;
        Point point;
        std::uint64_t position;
    };

    void say(LedgerEvent const& event);
    std::string& frame();
    Task<> write_later();
    void write_frame();
    /// Until what was said in this turn is written, or can't be.
    auto end_of_turn() {
        struct Awaiter {
            LedgerDesk& desk;
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<> waiting) const { desk.in_turn_.push_back(waiting); }
            void await_resume() const noexcept {}
        };
        return Awaiter{*this};
    }
    [[gnu::noinline]] Task<Result<>> wait(Point point, std::uint64_t position, Cancellation& cancellation);
    void wake();

    LedgerWriter& writer_;
    net::Worker& worker_;
    std::string frame_;  ///< what was said in this turn
    std::int64_t events_ = 0;
    std::vector<Call*> begun_;  ///< in this turn
    std::vector<std::coroutine_handle<>> in_turn_;
    std::vector<Waiting*> waiting_;
    std::atomic<bool> listens_ = false;  ///< to tell()
};

}  // namespace sluice::store
