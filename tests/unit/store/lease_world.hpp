#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/store/lease_broker.hpp"
#include "store_samples.hpp"

/// Replicas in one process, with a real Redis between them and a ledger that they all write.
namespace sluice::store::lease_world {

using namespace std::chrono_literals;

inline Secret redis() { return Secret(std::getenv("SLUICE_TEST_REDIS")); }
inline WallTime wall() { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }
inline void pause(std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }

inline std::uint16_t redis_port() {
    auto const url = std::string(redis().expose());
    auto const colon = url.rfind(':');
    std::uint16_t port = 0;
    std::from_chars(url.data() + colon + 1, url.data() + url.size(), port);
    return port;
}

/// A ledger in memory, of money: what PostgresLedger answers, at once.
class FakeLedger final : public SharedUse {
public:
    struct Call {
        std::int64_t epoch = 0;
        Payer payer{};
        std::int64_t reserved = 0;
        std::int64_t cost = 0;
        WallTime at{};
        bool open = true;
    };
    std::size_t reserve(std::int64_t epoch, Payer payer, std::int64_t amount) {
        std::lock_guard const lock(mutex_);
        calls_.push_back({.epoch = epoch, .payer = std::move(payer), .reserved = amount});
        return calls_.size() - 1;
    }
    void settle(std::size_t call, std::int64_t cost, WallTime at) {
        std::lock_guard const lock(mutex_);
        calls_[call].open = false;
        calls_[call].cost = cost;
        calls_[call].at = at;
    }
    void gone(std::int64_t epoch) {
        std::lock_guard const lock(mutex_);
        gone_[epoch] = true;
    }
    std::int64_t settled(Payer const& payer) {
        std::lock_guard const lock(mutex_);
        std::int64_t sum = 0;
        for (auto const& call : calls_) sum += call.payer == payer && !call.open ? call.cost : 0;
        return sum;
    }
    Result<std::vector<ProcessUse>> uses(std::span<UseQuestion const> questions,
                                         std::optional<std::int64_t> epoch) override {
        std::lock_guard const lock(mutex_);
        std::map<std::pair<std::size_t, std::int64_t>, ProcessUse> uses;
        for (std::size_t i = 0; i < questions.size(); ++i) {
            for (auto const& call : calls_) {
                if (call.payer != questions[i].payer || (epoch && *epoch != call.epoch)) continue;
                auto& use = uses[{i, call.epoch}];
                use.question = i;
                use.epoch = call.epoch;
                use.gone = gone_[call.epoch];
                if (call.open) {
                    use.open[Resource::money] += call.reserved;
                } else if (call.at >= questions[i].since) {
                    use.settled[Resource::money] += call.cost;
                }
            }
        }
        std::vector<ProcessUse> all;
        for (auto const& [key, use] : uses) all.push_back(use);
        return all;
    }

    Result<bool> is_alone(std::int64_t) override { return false; }

private:
    std::mutex mutex_;
    std::vector<Call> calls_;
    std::map<std::int64_t, bool> gone_;
};

/// A connection to Redis that can be cut and mended, for one replica.
class Line {
public:
    Line() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
        ::sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::socklen_t size = sizeof address;
        ::bind(listener_, reinterpret_cast<::sockaddr*>(&address), size);
        ::listen(listener_, 8);
        ::getsockname(listener_, reinterpret_cast<::sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { run(); });
    }
    Line(Line const&) = delete;
    Line& operator=(Line const&) = delete;
    ~Line() {
        ending_ = true;
        thread_.join();
        ::close(listener_);
    }
    Secret url() const { return Secret("redis://127.0.0.1:" + std::to_string(port_)); }
    /// Bytes are neither lost nor passed on while it is cut: those on the way come late.
    void cut(bool now) { cut_ = now; }
    /// Every answer takes so much longer, at least.
    void delay(std::chrono::milliseconds time) { delay_ = time; }

private:
    void run() {
        while (!ending_) {
            if (!cut_) step();
            if (cut_) pause(2ms);
        }
        for (auto const& [a, b] : pairs_) ::close(a), ::close(b);
    }
    void step() {
        std::vector<::pollfd> waiting{{.fd = listener_, .events = POLLIN, .revents = 0}};
        for (auto const& [a, b] : pairs_) {
            waiting.push_back({.fd = a, .events = POLLIN, .revents = 0});
            waiting.push_back({.fd = b, .events = POLLIN, .revents = 0});
        }
        if (::poll(waiting.data(), waiting.size(), 10) <= 0 || cut_) return;
        pause(delay_);
        for (std::size_t i = pairs_.size(); i-- > 0;) {
            auto const [a, b] = pairs_[i];
            bool const holds =
                (waiting[1 + 2 * i].revents == 0 || pass(a, b)) && (waiting[2 + 2 * i].revents == 0 || pass(b, a));
            if (holds) continue;
            ::close(a);
            ::close(b);
            pairs_.erase(pairs_.begin() + static_cast<std::ptrdiff_t>(i));
        }
        if (waiting[0].revents != 0) accept();
    }
    static bool pass(int from, int to) {
        char bytes[65536];
        auto const count = ::recv(from, bytes, sizeof bytes, 0);
        return count > 0 && ::send(to, bytes, static_cast<std::size_t>(count), MSG_NOSIGNAL) == count;
    }
    void accept() {
        int const client = ::accept(listener_, nullptr, nullptr);
        int const server = ::socket(AF_INET, SOCK_STREAM, 0);
        ::sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(redis_port());
        ::connect(server, reinterpret_cast<::sockaddr*>(&address), sizeof address);
        pairs_.emplace_back(client, server);
    }

    int listener_;
    std::uint16_t port_ = 0;
    std::atomic<bool> cut_ = false;
    std::atomic<std::chrono::milliseconds> delay_{};
    std::atomic<bool> ending_ = false;
    std::vector<std::pair<int, int>> pairs_;
    std::thread thread_;
};

/// What is in use of one limit by everybody: never more than it allows.
class Oracle {
public:
    explicit Oracle(std::int64_t most) : most_(most) {}
    void reserved(std::int64_t amount) {
        auto const now = in_use_ += amount;
        if (now > most_) ++overspent_;
        ++admitted_;
    }
    /// Before the permit is told: then others may have it.
    void returned(std::int64_t amount) { in_use_ -= amount; }
    std::int64_t in_use() const { return in_use_; }
    int overspent() const { return overspent_; }
    int admitted() const { return admitted_; }

private:
    std::int64_t const most_;
    std::atomic<std::int64_t> in_use_ = 0;
    std::atomic<int> overspent_ = 0;
    std::atomic<int> admitted_ = 0;
};

enum class Refused : std::uint8_t { no, in_use, used_up };

struct Replica {
    LimitBook book{};
    std::int64_t epoch = sample::epoch();
    FakeLedger& ledger;
    Payer payer;
    std::unique_ptr<LeaseBroker> broker{};

    Replica(FakeLedger& shared_ledger, Payer whose, Limit const& limit, Secret const& url,
            WithoutRedis without_redis = WithoutRedis::refuse)
        : ledger(shared_ledger), payer(std::move(whose)) {
        book.configure({{.kind = payer.kind, .name = payer.name, .limits = {limit}}});
        broker = std::make_unique<LeaseBroker>(
            book, ledger, url, LeaseBroker::Options{.epoch = epoch, .without_redis = without_redis, .now = wall});
    }

    /// As the pipeline does: waits a little for more of a lease.
    std::expected<Permit, LimitRefusal> try_reserve(std::int64_t amount, std::chrono::milliseconds at_most) {
        Amounts money;
        money[Resource::money] = amount;
        auto const until = std::chrono::steady_clock::now() + at_most;
        for (;;) {
            auto permit = book.reserve({book.find(payer)}, money, wall());
            if (permit || !may_come(permit.error()) || std::chrono::steady_clock::now() >= until) return permit;
            broker->hurry();
            pause(5ms);
        }
    }
    static bool may_come(LimitRefusal const& refusal) { return refusal.lease_short || refusal.passing; }

    std::optional<Permit> reserve(std::int64_t amount, std::chrono::milliseconds at_most = 200ms) {
        auto permit = try_reserve(amount, at_most);
        return permit ? std::optional(std::move(*permit)) : std::nullopt;
    }
    Refused refused_as(std::int64_t amount, std::chrono::milliseconds at_most) {
        auto const permit = try_reserve(amount, at_most);
        if (permit) return Refused::no;
        return may_come(permit.error()) ? Refused::in_use : Refused::used_up;
    }

    bool call(Oracle& oracle, std::int64_t most, std::int64_t cost, std::chrono::milliseconds takes,
              std::chrono::milliseconds patience = 200ms) {
        auto permit = reserve(most, patience);
        if (!permit) return false;
        oracle.reserved(most);
        auto const line = ledger.reserve(epoch, payer, most);
        pause(takes);
        oracle.returned(most - cost);
        Amounts used;
        used[Resource::money] = cost;
        auto const at = wall();
        permit->settle(used, at);
        ledger.settle(line, cost, at);
        return true;
    }
};

inline Limit budget(std::int64_t most) { return {.of = Resource::money, .most = most}; }
inline Payer somebody() { return {PayerKind::team, "team " + std::to_string(sample::epoch())}; }

}  // namespace sluice::store::lease_world
