#include "server/net/worker.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "server/net/waiter.hpp"

namespace sluice::net {
namespace {

class WorkerGate final : public Gate, public std::enable_shared_from_this<WorkerGate> {
public:
    explicit WorkerGate(Worker& worker) : worker_(worker) {}

    Task<Result<bool>> wait(Instant until, Cancellation& cancellation) override {
        if (cancellation) co_return std::unexpected(cancelled_error(cancellation));
        while (!open_.exchange(false)) {  // what wakes us may be about an opening that was seen before
            Waiter waiter(worker_.wheel());
            Cancellation::Hook const hook(cancellation, waiter);
            waiting_ = &waiter;
            auto const reason = co_await waiter.wait(until);
            waiting_ = nullptr;
            if (reason == Wake::cancelled) co_return std::unexpected(cancelled_error(cancellation));
            if (reason != Wake::ready) co_return open_.exchange(false);
        }
        co_return true;
    }

    void open() override {
        open_ = true;
        worker_.post([gate = shared_from_this()] {
            if (gate->waiting_ != nullptr) gate->waiting_->wake(Wake::ready);
        });
    }

private:
    Worker& worker_;
    std::atomic<bool> open_ = false;
    Waiter* waiting_ = nullptr;  ///< the worker's thread only
};
constexpr unsigned ticks_between_trims = 500;  // 5 s
constexpr unsigned ticks_between_trims_when_tight = 20;
constexpr int most_rounds = 1'000;          // a coroutine that waits more often than that has a bug
constexpr std::size_t events_at_once = 32;  // what so many requests use stays in the CPU's cache

/// Ids are made of it: two workers, or two processes, must not walk through the same numbers.
std::mt19937_64 seeded() {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
}

OwnedFd checked(int fd, char const* what) {
    if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
    return OwnedFd(fd);
}
}  // namespace

Worker::Worker(unsigned index)
    : index_(index),
      wheel_(std::chrono::steady_clock::now()),
      epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      bell_(checked(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")),
      next_tick_(std::chrono::steady_clock::now() + TimerWheel::tick),
      random_(seeded()) {
    // Edge-triggered: each ring is news, and nobody needs to read the count.
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, bell_.get(), &event);
}

Worker::~Worker() {
    stop();
    if (thread_.joinable()) thread_.join();
}

void Worker::start() {
    thread_ = std::thread([this] { run(); });
}

void Worker::run() {
    pthread_setname_np(pthread_self(), ("worker-" + std::to_string(index_)).c_str());
    while (!stopped_.load(std::memory_order_relaxed)) round(TimerWheel::tick);
    FrameCache::release();
}

void Worker::round(milliseconds longest) {
    auto const at = now();
    tick(at);
    auto const to_tick = std::chrono::ceil<milliseconds>(next_tick_ - at);
    dispatch(turns_.empty() ? std::min(longest, to_tick) : milliseconds(0));
    take_turns();
}

/// Waits for events, at most for `longest`, and tells those they are for.
void Worker::dispatch(milliseconds longest) {
    std::array<epoll_event, events_at_once> events;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    int const count =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), static_cast<int>(longest.count()));
    std::span const ready(events.data(), static_cast<std::size_t>(std::max(count, 0)));
    // What was posted comes first: who posts and then writes to a socket sees it done in that order.
    auto const rings = [](epoll_event const& event) { return event.data.ptr == nullptr; };
    if (std::ranges::any_of(ready, rings)) run_posted();
    for (auto const& event : ready) {
        others_ready_ = &event != &ready.back();
        auto* const registration = static_cast<Descriptor::Registration*>(event.data.ptr);
        if (registration != nullptr && registration->descriptor != nullptr) {
            registration->descriptor->announced(event.events);
        }
    }
    retired_.clear();
}

void Worker::tick(Instant at) {
    if (at < next_tick_) return;
    next_tick_ = at + TimerWheel::tick;
    wheel_.advance(at);
    bool const tight = memory_ != nullptr && memory_->tight();
    if (++ticks_ % (tight ? ticks_between_trims_when_tight : ticks_between_trims) != 0) return;
    buffers_.trim();
    FrameCache::trim();
}

void Worker::add(int fd, Descriptor::Registration* registration) {
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = registration}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
}

/// Said explicitly: a child between fork() and exec() holds the socket, too, and would keep it registered.
void Worker::remove(int fd) const { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

/// An event for it may stand in the batch that is being worked on.
void Worker::retire(std::unique_ptr<Descriptor::Registration> registration) {
    retired_.push_back(std::move(registration));
}

void Worker::wake_up() const {
    std::uint64_t const one = 1;
    std::ignore = ::write(bell_.get(), &one, sizeof one);
}

void Worker::post(std::function<void()> work) {
    bool first = false;
    {
        std::lock_guard const lock(mutex_);
        first = posted_.empty();
        posted_.push_back(std::move(work));
    }
    if (first) wake_up();  // whoever was before has done so, and all are taken at once
}

bool Worker::run_posted() {
    std::vector<std::function<void()>> due;
    {
        std::lock_guard const lock(mutex_);
        if (posted_.empty()) return false;
        due.swap(posted_);
    }
    for (auto& work : due) work();
    return true;
}

bool Worker::take_turns() {
    if (turns_.empty()) return false;
    auto const due = std::exchange(turns_, {});
    for (auto waiting : due) waiting.resume();
    return true;
}

void Worker::stop() {
    stopped_.store(true, std::memory_order_relaxed);
    wake_up();
}

// A coroutine owns the Waiter that it waits in, and nobody owns the coroutine: nobody else could end it.
void Worker::end() {
    stop();
    if (thread_.joinable()) thread_.join();
    bool more = true;
    for (int round = 0; more && round < most_rounds; ++round) {
        more = run_posted();
        more = take_turns() || more;
        more = wheel_.drop_all() || more;
    }
    retired_.clear();
}

std::shared_ptr<Gate> Worker::make_gate() { return std::make_shared<WorkerGate>(*this); }

Task<Result<>> Worker::sleep(milliseconds wait, Cancellation& cancellation) {
    if (cancellation) co_return std::unexpected(cancelled_error(cancellation));
    Waiter waiter(wheel_);
    Cancellation::Hook hook(cancellation, waiter);
    auto const reason = co_await waiter.wait(now() + wait);
    if (reason == Wake::cancelled) co_return std::unexpected(cancelled_error(cancellation));
    co_return Result<>{};
}

/// By hand: the library's distribution takes two logarithms for each number.
double Worker::random() { return static_cast<double>(random_() >> 11) * 0x1.0p-53; }

Error cancelled_error(Cancellation const& cancellation) {
    if (cancellation.reason() == CancelReason::revoked) return Error{.kind = ErrorKind::permission_denied};
    bool const ending = cancellation.reason() == CancelReason::server_shutdown || !cancellation;
    return Error{.kind = ending ? ErrorKind::server_shutdown : ErrorKind::client_closed};
}

}  // namespace sluice::net
