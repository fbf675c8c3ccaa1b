// What admission costs: nanoseconds for a request with six limits. Usage: bench_limits [milliseconds for each line].
// Prints the fastest of several runs, because everything else is noise from outside.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "bench/micro/fastest.hpp"
#include "core/pipeline/limit_book.hpp"

namespace {

using namespace sluice;
using bench::fastest;
using Kind = LimitPeriod::Kind;

constexpr LimitPeriod last_minute{.kind = Kind::rolling, .length = std::chrono::seconds(60)};

std::vector<LimitRule> some_rules() {
    return {
        {.kind = PayerKind::key,
         .name = "ann",
         .limits = {{.of = Resource::requests, .most = 1'000'000'000'000, .per = last_minute},
                    {.of = Resource::tokens, .most = 1'000'000'000'000'000, .per = last_minute},
                    {.of = Resource::money, .most = 1'000'000'000'000'000, .per = {.kind = Kind::day}}}},
        {.kind = PayerKind::team,
         .name = "search",
         .limits =
             {{.of = Resource::concurrent, .most = 1'000},
              {.of = Resource::money, .most = 1'000'000'000'000'000, .per = {.kind = Kind::month}, .warn_at = {80}}}},
        {.kind = PayerKind::user,
         .name = "*",
         .limits = {{.of = Resource::money, .most = 1'000'000'000'000, .per = {.kind = Kind::day}}}}};
}

struct Admission {
    LimitBook book{};
    std::vector<Payer> payers{{PayerKind::key, "ann"}, {PayerKind::team, "search"}, {PayerKind::user, "u"}};
    WallTime now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 25);
    LimitAccounts found{};
    Amounts worst{.of = {500'000, 1, 3'000, 1}};
    Amounts used{.of = {300, 1, 1'000, 0}};

    Admission() {
        book.configure(some_rules());
        found = find();
    }
    LimitAccounts find() {
        LimitAccounts accounts;
        accounts.reserve(payers.size());
        for (auto const& payer : payers) accounts.push_back(book.find(payer));
        return accounts;
    }
    /// Time goes on: about 2,000 requests a second.
    void admit(LimitAccounts accounts) {
        if (++calls_ % 2 == 0) now += std::chrono::milliseconds(1);
        auto permit = book.reserve(std::move(accounts), worst, now);
        if (!permit) std::abort();  // allowed: a limit that is reached measures nothing
        permit->settle(used, now);
    }

private:
    std::uint64_t calls_ = 0;
};

void print(char const* what, double nanoseconds) { std::printf("%-64s %8.0f ns\n", what, nanoseconds); }

}  // namespace

int main(int argc, char** argv) {
    std::chrono::milliseconds const length(argc > 1 ? std::atoi(argv[1]) : 500);
    Admission bench;
    print("reserve and settle, 6 limits of 3 accounts known to the caller",
          fastest(length, [&bench] { bench.admit(bench.found); }));
    print("the same, accounts found by name", fastest(length, [&bench] { bench.admit(bench.find()); }));
    for (std::size_t i = 0; i < LimitBook::most_covered; ++i) {
        Amounts cent;
        cent[Resource::money] = 1;
        LimitAccounts user{bench.book.find({PayerKind::user, "end user " + std::to_string(i)})};
        bench.book.reserve(std::move(user), {}, bench.now).value().settle(cent, bench.now);
    }
    std::uint64_t next = 0;
    print("the same, of 100,000 end users a different one each time", fastest(length, [&bench, &next] {
              bench.payers[2].name = "end user " + std::to_string(next++ * 7'919 % LimitBook::most_covered);
              bench.admit(bench.find());
          }));
    print("the same, end users that nobody has seen before (all share one)", fastest(length, [&bench, &next] {
              bench.payers[2].name = "new user " + std::to_string(next++);
              bench.admit(bench.find());
          }));
    Amounts all;
    all[Resource::money] = 1'000'000'000'000'000;
    print("a refusal", fastest(length, [&bench, &all] {
              if (bench.book.reserve(bench.found, all, bench.now)) std::abort();  // allowed: measures a refusal
          }));
    return 0;
}
