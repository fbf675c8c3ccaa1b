#include "server/net/worker.hpp"

#include <boost/asio/post.hpp>

#include "server/net/waiter.hpp"

namespace sluice::net {

namespace {
constexpr unsigned ticks_between_trims = 500;  // 5 s
constexpr int most_rounds = 1'000;             // a coroutine that waits more often than that has a bug

/// Ids are made of it: two workers, or two processes, must not walk through the same numbers.
std::mt19937_64 seeded() {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
}
}  // namespace

Worker::Worker(unsigned index)
    : index_(index),
      wheel_(std::chrono::steady_clock::now()),
      context_(1),
      guard_(context_.get_executor()),
      tick_(context_.get_executor()),
      random_(seeded()) {}

Worker::~Worker() {
    stop();
    if (thread_.joinable()) thread_.join();
}

void Worker::start() {
    run_tick();
    thread_ = std::thread([this] { context_.run(); });
}

void Worker::run_tick() {
    tick_.expires_after(TimerWheel::tick);
    tick_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        wheel_.advance(now());
        if (++ticks_ % ticks_between_trims == 0) buffers_.trim();
        run_tick();
    });
}

void Worker::post(std::function<void()> work) { boost::asio::post(context_, std::move(work)); }

// A coroutine owns the Waiter that it waits in, and the Waiter owns the coroutine: nobody else could end it.
void Worker::end() {
    stop();
    if (thread_.joinable()) thread_.join();
    tick_.cancel();
    context_.restart();
    int round = 0;
    do {
        context_.poll();
    } while (wheel_.drop_all() && ++round < most_rounds);
    context_.poll();
}

Task<Result<>> Worker::sleep(milliseconds wait, Cancellation& cancellation) {
    if (cancellation) co_return std::unexpected(cancelled_error(cancellation));
    Waiter waiter(wheel_);
    Cancellation::Hook hook(cancellation, [&waiter] { waiter.wake(Wake::cancelled); });
    auto const reason = co_await waiter.wait(now() + wait);
    if (reason == Wake::cancelled) co_return std::unexpected(cancelled_error(cancellation));
    co_return Result<>{};
}

double Worker::random() { return std::uniform_real_distribution<double>(0.0, 1.0)(random_); }

Error cancelled_error(Cancellation const& cancellation) {
    bool const left = cancellation.reason() == CancelReason::client_left;
    return Error{.kind = left ? ErrorKind::client_closed : ErrorKind::server_shutdown};
}

}  // namespace sluice::net
