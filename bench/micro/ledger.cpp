#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/micro/fastest.hpp"
#include "server/net/worker.hpp"
#include "server/store/ledger_desk.hpp"
#include "server/store/open_store.hpp"

/// What the ledger costs on SQLite: CPU of a call's two lines in groups, and how long a call waits for its reservation.
namespace sluice::bench {
namespace {

using namespace sluice::store;
using std::chrono::steady_clock;

ReservedCall reservation(std::int64_t number) {
    return {.at = std::chrono::floor<milliseconds>(std::chrono::system_clock::now()),
            .request_id = "req_0123456789abcdef",
            .attempt = 1,
            .key = "k_" + std::to_string(number % 50),
            .team = "team-" + std::to_string(number % 10),
            .tags = {{"env", "prod"}},
            .user = "",
            .model = "fast-" + std::to_string(number % 5),
            .provider = "groq",
            .target_model = "llama-3.3-70b-versatile",
            .credential = "main",
            .amount = {5'000'000}};
}

LedgerSettlement settlement() {
    return {.at = std::chrono::floor<milliseconds>(std::chrono::system_clock::now()),
            .cost = {1'234'567},
            .sheet_cost = NanoUsd{1'234'567},
            .usage = {.input = 1'200, .output = 300, .source = UsageSource::provider},
            .result = AttemptResult::ok,
            .upstream_status = 200};
}

struct Folder {
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "sluice-bench-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        path = name;
    }
    Folder(Folder const&) = delete;
    Folder& operator=(Folder const&) = delete;
    ~Folder() { std::filesystem::remove_all(path); }
    std::unique_ptr<Store> open() const {
        return open_store("sqlite://" + (path / "ledger.db").string(), OpenedBy::gateway).value();
    }
    std::filesystem::path path;
};

[[noreturn]] void give_up(Error const& error) {
    std::fprintf(stderr, "%s\n", error.detail.str().c_str());
    std::abort();
}

/// The writing thread's part: a reservation and a settlement for each call, in transactions of so many calls.
void append_in_groups(std::size_t group) {
    Folder const folder;
    auto const store = folder.open();
    constexpr std::size_t calls = 40'000;
    std::int64_t number = 0;
    auto const cpu = cpu_nanoseconds();
    auto const begun = steady_clock::now();
    for (std::size_t done = 0; done < calls; done += group) {
        std::vector<LedgerEvent> events;
        events.reserve(group * 2);
        for (std::size_t i = 0; i < group; ++i) {
            CallId const id{.epoch = 1, .number = number++};
            events.emplace_back(Reserve{.id = id, .call = reservation(id.number)});
            // It ends some groups later than it begins.
            auto const ended = id.number - static_cast<std::int64_t>(group) * 3;
            if (ended >= 0) events.emplace_back(Settle{.id = {.epoch = 1, .number = ended}, .end = settlement()});
        }
        if (auto const done_all = store->append(events); !done_all) give_up(done_all.error());
        if (auto const tidied = store->tidy(); !tidied) give_up(tidied.error());
    }
    auto const seconds = std::chrono::duration<double>(steady_clock::now() - begun).count();
    std::printf("append, %4zu calls at once: %7.2f us of CPU for a call, %8.0f calls/s\n", group,
                (cpu_nanoseconds() - cpu) / 1e3 / calls, calls / seconds);
}

double process_cpu_nanoseconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// Callers on one worker, each making one call after the other.
struct Callers {
    LedgerDesk& desk;
    net::Worker& worker;
    steady_clock::time_point end{};
    milliseconds thinking{0};  ///< between two calls of one caller
    bool synced = false;       ///< wait for durable(), too
    std::vector<Duration> waits{};
    std::size_t running = 0;
    std::promise<void> done{};

    Task<> one() {
        Cancellation nobody;
        for (std::int64_t number = 0; steady_clock::now() < end; ++number) {
            auto const begun = steady_clock::now();
            auto const what = reservation(number);
            auto call = desk.reserve(view_of(what));
            if (!call) give_up(call.error());
            auto const recorded = co_await (*call)->recorded(nobody);
            if (!recorded) give_up(recorded.error());
            if (synced) {
                auto const durable = co_await (*call)->durable(nobody);
                if (!durable) give_up(durable.error());
            }
            waits.push_back(steady_clock::now() - begun);
            (*call)->settle(settlement());
            if (thinking.count() > 0) {
                auto const slept = co_await worker.sleep(thinking, nobody);
                if (!slept) std::abort();
            }
        }
    }
};

void wait_for_records(std::size_t callers, milliseconds thinking, bool synced, milliseconds length) {
    Folder const folder;
    auto const store = folder.open();
    LedgerWriter writer(*store, {.journal_folder = (folder.path / "journals").string(), .most_waiting = 100'000'000});
    if (auto const started = writer.start(); !started) give_up(started.error());
    net::Worker worker(0);
    std::optional<LedgerDesk> desk(std::in_place, writer, worker);
    worker.start();
    Callers work{
        .desk = *desk, .worker = worker, .end = steady_clock::now() + length, .thinking = thinking, .synced = synced};
    double worker_cpu = 0;
    auto const cpu = process_cpu_nanoseconds();
    worker.post([&work, &worker_cpu, callers] {
        work.running = callers;
        worker_cpu = cpu_nanoseconds();
        for (std::size_t i = 0; i < callers; ++i) {
            spawn(work.one(), [&work](std::exception_ptr const&) {
                if (--work.running == 0) work.done.set_value();
            });
        }
    });
    work.done.get_future().wait();
    std::promise<void> read;
    worker.post([&worker_cpu, &read] {
        worker_cpu = cpu_nanoseconds() - worker_cpu;
        read.set_value();
    });
    read.get_future().wait();
    auto const writing_cpu = process_cpu_nanoseconds() - cpu - worker_cpu;
    worker.end();
    desk.reset();
    auto const closed = writer.close(steady_clock::now() + std::chrono::seconds(5));
    if (!closed) give_up(closed.error());

    auto& waits = work.waits;
    std::ranges::sort(waits);
    auto at = [&waits](std::size_t percent) {
        return std::chrono::duration<double, std::micro>(waits[(waits.size() - 1) * percent / 100]).count();
    };
    auto const calls = static_cast<double>(waits.size());
    auto const status = writer.status();
    std::printf(
        "%-8s %4zu callers, %2lld ms apart: p50 %7.0f us, p99 %7.0f us, max %7.0f us; %7.0f calls/s; "
        "%5.1f calls/commit; CPU of a call: %5.1f us beside the worker, %5.1f us on it\n",
        synced ? "durable" : "recorded", callers, static_cast<long long>(thinking.count()), at(50), at(99), at(100),
        calls / (static_cast<double>(length.count()) / 1e3), calls / static_cast<double>(status.commits),
        writing_cpu / 1e3 / calls, worker_cpu / 1e3 / calls);
}

double milliseconds_since(steady_clock::time_point begun) {
    return std::chrono::duration<double, std::milli>(steady_clock::now() - begun).count();
}

/// A file with a month of calls, whose last process was killed: how long until the next one is ready, and questions.
void month(std::int64_t calls) {
    Folder const folder;
    auto store = folder.open();
    auto const now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
    auto const first = now - std::chrono::days(30);
    auto const apart = (now - first) / calls;
    std::vector<LedgerEvent> events;
    for (std::int64_t number = 0; number < calls; ++number) {
        CallId const id{.epoch = 1 + number * 30 / calls, .number = number};
        auto call = reservation(number);
        call.at = first + apart * number;
        auto end = settlement();
        end.at = call.at;
        events.emplace_back(Reserve{.id = id, .call = std::move(call)});
        if (number + 1'000 < calls) events.emplace_back(Settle{.id = id, .end = end});
        if (events.size() < 1'000 && number + 1 < calls) continue;
        if (auto const done = store->append(events); !done) give_up(done.error());
        if (auto const tidied = store->tidy(); !tidied) give_up(tidied.error());
        events.clear();
    }
    store.reset();
    std::printf("%lld calls in a month: %llu MiB\n", static_cast<long long>(calls),
                static_cast<unsigned long long>(std::filesystem::file_size(folder.path / "ledger.db") >> 20U));
    auto begun = steady_clock::now();
    store = folder.open();
    auto const recovered = store->recover(1'000, now, std::chrono::seconds(5)).value();
    auto const sums = store->sums(now - std::chrono::days(31)).value();
    std::printf("  ready after %.0f ms: %lld open calls settled, %zu sums read\n", milliseconds_since(begun),
                static_cast<long long>(recovered), sums.size());
    begun = steady_clock::now();
    auto const rows = store->usage({.by = UsageQuery::By::key, .since = now - std::chrono::days(7)}).value().size();
    std::printf("  usage of 7 days: %.0f ms, %zu rows\n", milliseconds_since(begun), rows);
    begun = steady_clock::now();
    auto const faults = store->verify().value().size();
    std::printf("  verify: %.0f ms, %zu faults\n", milliseconds_since(begun), faults);
    begun = steady_clock::now();
    auto const forgotten = store->forget(first + std::chrono::days(3)).value();
    std::printf("  forget: %.0f ms, %lld calls\n", milliseconds_since(begun), static_cast<long long>(forgotten));
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
    using namespace sluice::bench;
    std::chrono::milliseconds const length(argc > 1 ? std::atoi(argv[1]) : 2'000);
    for (std::size_t const group : {1, 10, 64, 500}) append_in_groups(group);
    for (bool const synced : {false, true}) {
        wait_for_records(1, std::chrono::milliseconds(20), synced, length);
        wait_for_records(1, std::chrono::milliseconds(0), synced, length);
        wait_for_records(64, std::chrono::milliseconds(50), synced, length);
        wait_for_records(64, std::chrono::milliseconds(0), synced, length);
        wait_for_records(1'000, std::chrono::milliseconds(100), synced, length);
    }
    month(1'000'000);
    return 0;
}
