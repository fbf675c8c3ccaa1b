#include "server/upstream/resolver.hpp"

#include <netdb.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace sluice::upstream {

namespace {
constexpr seconds fresh_for{30};
constexpr seconds failed_for{1};
constexpr std::chrono::minutes too_old_after{5};
}  // namespace

struct Resolver::Entry {
    Addresses addresses;
    std::string failure;
    Instant renew_at = Instant::min();
    Instant too_old_at = Instant::min();
    bool resolving = false;
    std::vector<net::Waiter*> waiting;
};

/// A thread that looks names up, one after the other. `done` is called there.
class Resolver::Lookups {
public:
    using Done = std::function<void(Addresses, std::string failure)>;

    ~Lookups() {
        {
            std::lock_guard const lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_one();
        if (thread_.joinable()) thread_.join();
    }

    void add(std::string host, Done done) {
        {
            std::lock_guard const lock(mutex_);
            waiting_.emplace_back(std::move(host), std::move(done));
        }
        wake_.notify_one();
        if (!thread_.joinable()) thread_ = std::thread(&Lookups::run, this);
    }

private:
    void run() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);  // they are the main thread's
        std::unique_lock lock(mutex_);
        while (true) {
            wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
            if (stopping_) return;
            auto const [host, done] = std::move(waiting_.front());
            waiting_.pop_front();
            lock.unlock();
            look_up(host, done);
            lock.lock();
        }
    }

    static void look_up(std::string const& host, Done const& done) {
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_flags = AI_ADDRCONFIG;
        addrinfo* list = nullptr;
        int const failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
        std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> const owner(list, &::freeaddrinfo);
        Addresses found;
        for (auto const* each = list; failed == 0 && each != nullptr; each = each->ai_next) {
            found.emplace_back(each->ai_addr, each->ai_addrlen);
        }
        done(std::move(found), failed == 0 ? "" : ::gai_strerror(failed));
    }

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::pair<std::string, Done>> waiting_;
    bool stopping_ = false;
    std::thread thread_;
};

Resolver::Resolver(net::Worker& worker) : worker_(worker) {}
Resolver::~Resolver() = default;

Task<Result<Resolver::Addresses>> Resolver::resolve(std::string const& host, Instant until,
                                                    Cancellation& cancellation) {
    if (auto const literal = net::Address::parse(host, 0)) co_return Addresses{*literal};

    auto& slot = entries_[host];
    if (!slot) slot = std::make_shared<Entry>();
    auto const entry = slot;
    if (worker_.now() >= entry->renew_at && !entry->resolving) start(host, entry);
    bool const known = !entry->addresses.empty();
    if (known && (worker_.now() < entry->too_old_at || !entry->resolving)) co_return entry->addresses;
    if (entry->resolving) {
        net::Waiter waiter(worker_.wheel());
        entry->waiting.push_back(&waiter);
        net::Wake woken{};
        {
            Cancellation::Hook hook(cancellation, waiter);
            woken = co_await waiter.wait(until);
        }
        std::erase(entry->waiting, &waiter);
        if (woken == net::Wake::cancelled) co_return std::unexpected(net::cancelled_error(cancellation));
        if (woken == net::Wake::expired && entry->addresses.empty()) {
            co_return std::unexpected(
                Error{.kind = ErrorKind::upstream_unavailable, .detail = "resolving " + host + " took too long"});
        }
        if (!entry->addresses.empty()) co_return entry->addresses;
    }
    co_return std::unexpected(
        Error{.kind = ErrorKind::upstream_unavailable, .detail = "can't resolve " + host + ": " + entry->failure});
}

void Resolver::start(std::string const& host, std::shared_ptr<Entry> const& entry) {
    entry->resolving = true;
    if (!lookups_) lookups_ = std::make_unique<Lookups>();
    lookups_->add(host, [this, entry](Addresses found, std::string failure) {
        worker_.post([this, entry, found = std::move(found), failure = std::move(failure)] {
            finished(*entry, found, failure);
        });
    });
}

void Resolver::finished(Entry& entry, Addresses found, std::string failure) const {
    auto const now = worker_.now();
    entry.resolving = false;
    entry.renew_at = now + (found.empty() ? failed_for : fresh_for);
    entry.failure = std::move(failure);
    if (!found.empty()) {
        entry.addresses = std::move(found);
        entry.too_old_at = now + too_old_after;
    }
    while (!entry.waiting.empty()) {  // one by one: who wakes up may end others that wait
        auto* const first = entry.waiting.front();
        entry.waiting.erase(entry.waiting.begin());
        first->wake(net::Wake::ready);
    }
}

}  // namespace sluice::upstream
