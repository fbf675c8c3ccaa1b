#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/pipeline/limit_book.hpp"

/// Words for tests of limits.
namespace sluice::limit_tests {

using namespace std::chrono;

using Kind = LimitPeriod::Kind;

inline WallTime at(int y, unsigned m, unsigned d, milliseconds time = {}) {
    return sys_days(year(y) / month(m) / day(d)) + time;
}
/// A Wednesday, 10:00.
inline auto const now = at(2026, 11, 25, hours(10));

constexpr LimitPeriod daily{.kind = Kind::day}, monthly{.kind = Kind::month}, for_ever{.kind = Kind::total};
constexpr LimitPeriod each_minute{.kind = Kind::aligned, .length = seconds(60)};
constexpr LimitPeriod last_hour{.kind = Kind::rolling, .length = hours(1)};

inline Limit money(std::int64_t most, LimitPeriod per = daily) {
    return {.of = Resource::money, .most = most, .per = per};
}
inline Limit requests(std::int64_t most, LimitPeriod per = each_minute) {
    return {.of = Resource::requests, .most = most, .per = per};
}
inline Limit at_a_time(std::int64_t most) { return {.of = Resource::concurrent, .most = most}; }

inline Amounts of(Resource resource, std::int64_t amount) {
    Amounts amounts;
    amounts[resource] = amount;
    return amounts;
}
inline Amounts usd(std::int64_t amount) { return of(Resource::money, amount); }

inline Payer const ann{PayerKind::key, "ann"}, bob{PayerKind::key, "bob"}, team{PayerKind::team, "search"};
inline Payer user(std::string name) { return {PayerKind::user, std::move(name)}; }

/// A book with these rules.
struct Book : LimitBook {
    explicit Book(std::vector<LimitRule> rules) { configure(std::move(rules)); }

    LimitAccounts of(std::vector<Payer> const& payers) {
        LimitAccounts accounts;
        for (auto const& payer : payers) accounts.push_back(find(payer));
        return accounts;
    }
    Permit take(Payer const& payer, Amounts const& amounts, WallTime when = now) {
        auto permit = reserve(of({payer}), amounts, when);
        REQUIRE(permit.has_value());
        return std::move(*permit);
    }
    void use(Payer const& payer, Amounts const& amounts, WallTime when = now) {
        take(payer, {}, when).settle(amounts, when);
    }
    LimitRefusal refusal(Payer const& payer, Amounts const& amounts, WallTime when = now) {
        auto const permit = reserve(of({payer}), amounts, when);
        REQUIRE_FALSE(permit.has_value());
        return permit.error();
    }
    bool gives(Payer const& payer, Amounts const& amounts, WallTime when = now) {
        return reserve(of({payer}), amounts, when).has_value();
    }
    /// Of its first limit.
    LimitStatus status(Payer const& payer, WallTime when = now) {
        for (auto& status : statuses(when)) {
            if (status.payer == payer) return status;
        }
        FAIL("no limit of " << payer.name);
        return {};
    }
};

inline Book ann_with(Limit limit) { return Book({{PayerKind::key, "ann", {std::move(limit)}}}); }

}  // namespace sluice::limit_tests
