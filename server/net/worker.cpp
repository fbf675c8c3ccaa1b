#include "server/net/worker.hpp"

#include <boost/asio/post.hpp>

#include "server/net/waiter.hpp"

namespace sluice::net {

namespace {
constexpr unsigned ticks_between_trims = 500;  // 5 s
}

Worker::Worker(unsigned index)
    : index_(index),
      context_(1),
      guard_(context_.get_executor()),
      tick_(context_.get_executor()),
      wheel_(std::chrono::steady_clock::now()),
      random_(std::random_device{}()) {}

Worker::~Worker() {
    stop();
    join();
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

void Worker::finish() {
    post([this] {
        guard_.reset();
        tick_.cancel();
    });
}

void Worker::stop() { context_.stop(); }

void Worker::join() {
    if (thread_.joinable()) thread_.join();
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
