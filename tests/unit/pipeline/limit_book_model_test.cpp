#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <latch>
#include <thread>
#include <vector>

#include "core/pipeline/limit_book.hpp"
#include "core/policy/limit_period.hpp"
#include "core/policy/lottery.hpp"

using namespace sluice;
using namespace std::chrono;

// The book against an oracle that remembers every use and every hold and counts them anew at each question. Windows of
// the calendar have tests of their own (limit_period_test.cpp).

namespace {

using Kind = LimitPeriod::Kind;

#ifdef NDEBUG
constexpr std::uint64_t seeds = 10'000;
#else
constexpr std::uint64_t seeds = 100;
#endif
constexpr int steps = 150;

struct Use {
    WallTime at{};
    std::size_t payer = 0;
    Amounts amounts{};
};
struct Hold {
    Permit permit{};
    std::vector<std::size_t> payers{};
    Amounts amounts{};
};

/// What should be true.
class Oracle {
public:
    std::vector<LimitRule> rules{};
    std::vector<Use> uses{};
    std::vector<Hold> holds{};
    WallTime clock{};

    std::int64_t settled(std::size_t payer, Limit const& limit, WallTime when) const {
        std::int64_t sum = 0;
        for (auto const& use : uses) {
            bool const counts =
                use.payer == payer && limit.of != Resource::concurrent && is_live(limit.per, use.at, when);
            if (counts) sum += use.amounts[limit.of];
        }
        return sum;
    }
    std::int64_t reserved(std::size_t payer, Resource resource) const {
        std::int64_t sum = 0;
        for (auto const& hold : holds) {
            if (std::ranges::count(hold.payers, payer) > 0) sum += hold.amounts[resource];
        }
        return sum;
    }
    bool fits(std::vector<std::size_t> const& payers, Amounts const& amounts) const {
        for (auto const payer : payers) {
            for (auto const& limit : rules[payer].limits) {
                auto const amount = amounts[limit.of];
                auto const held = settled(payer, limit, clock) + reserved(payer, limit.of);
                if (amount > 0 && held + amount > limit.most) return false;
            }
        }
        return true;
    }

private:
    static bool is_live(LimitPeriod const& period, WallTime used, WallTime when) {
        if (period.kind != Kind::rolling) return used >= window_at(period, when).begin;
        return when < rolling_slot_ends(period, rolling_slot(period, used));
    }
};

/// Does at random what requests, clocks and operators do, to both.
class Game {
public:
    explicit Game(std::uint64_t seed) : dice_(seed) {
        constexpr std::array starts{sys_days(2027y / December / 31), sys_days(2028y / February / 28),
                                    sys_days(2026y / March / 29), sys_days(2100y / February / 28)};
        now_ = starts[below(starts.size())] + hours(23);
        for (std::size_t payer = 0; payer < 1 + below(4); ++payer) {
            oracle_.rules.push_back({PayerKind::key, "key " + std::to_string(payer), some_limits()});
        }
        book_.configure(oracle_.rules);
    }

    void play() {
        for (int step = 0; step < steps && good_; ++step) {
            tick();
            act();
            compare();
        }
        finish();
    }
    bool good() const { return good_; }

private:
    std::uint64_t below(std::uint64_t bound) { return dice_.below(bound); }
    void expect(bool truth) { good_ &= truth; }

    std::vector<Limit> some_limits() {
        constexpr std::array periods{LimitPeriod{Kind::day},
                                     LimitPeriod{Kind::week},
                                     LimitPeriod{Kind::month},
                                     LimitPeriod{Kind::total},
                                     LimitPeriod{Kind::aligned, seconds(60)},
                                     LimitPeriod{Kind::aligned, seconds(5'400)},
                                     LimitPeriod{Kind::rolling, seconds(60)},
                                     LimitPeriod{Kind::rolling, seconds(86'400)}};
        std::vector<Limit> limits(below(5));
        for (auto& limit : limits) {
            limit.of = static_cast<Resource>(below(static_cast<std::uint64_t>(Resource::count_)));
            limit.per = periods[below(periods.size())];
            limit.most = some_most(limit.of);
        }
        return limits;
    }
    std::int64_t some_most(Resource resource) {
        return static_cast<std::int64_t>(resource == Resource::concurrent ? 1 + below(5) : below(200));
    }
    Amounts some_amounts() {
        Amounts amounts;
        for (auto& amount : amounts.of) amount = below(2) == 0 ? 0 : static_cast<std::int64_t>(below(40));
        if (amounts[Resource::concurrent] > 0) amounts[Resource::concurrent] = 1;
        return amounts;
    }
    std::vector<std::size_t> some_payers() {
        std::vector<std::size_t> payers;
        for (std::size_t payer = 0; payer < oracle_.rules.size(); ++payer) {
            if (below(2) == 0) payers.push_back(payer);
        }
        return payers;
    }
    LimitAccounts accounts_of(std::vector<std::size_t> const& payers) {
        LimitAccounts accounts;
        for (auto const payer : payers) accounts.push_back(book_.find({PayerKind::key, oracle_.rules[payer].name}));
        return accounts;
    }

    void tick() {
        switch (below(12)) {
            case 0:
                now_ -= milliseconds(below(90'000'000));  // set back, up to a day
                break;
            case 1:
                now_ += milliseconds(below(3'000'000'000));  // a month
                break;
            case 2:
                now_ = *window_at({Kind::day}, now_).end - milliseconds(below(2));
                break;
            case 3:
                now_ = *window_at({Kind::month}, now_).end - milliseconds(below(2));
                break;
            case 4:
                now_ += hours(below(8));
                break;
            default:
                now_ += milliseconds(below(20'000));
        }
    }
    void act() {
        auto const choice = below(10);
        if (choice < 4 || oracle_.holds.empty()) return reserve();
        if (choice == 9 && below(4) == 0) return change_rules();
        auto const which = static_cast<std::ptrdiff_t>(below(oracle_.holds.size()));
        auto& hold = oracle_.holds[static_cast<std::size_t>(which)];
        if (choice < 6) return grow(hold);
        if (choice < 8) settle(hold);
        if (choice == 8) hold.permit = Permit();
        if (choice < 9) {
            oracle_.holds.erase(oracle_.holds.begin() + which);
        } else {
            Permit moved(std::move(hold.permit));
            hold.permit = std::move(moved);
        }
    }
    void see_time() { oracle_.clock = std::max(oracle_.clock, now_); }

    void reserve() {
        see_time();
        auto const payers = some_payers();
        auto const amounts = some_amounts();
        auto permit = book_.reserve(accounts_of(payers), amounts, now_);
        if (payers.empty()) return expect(permit.has_value());
        expect(permit.has_value() == oracle_.fits(payers, amounts));
        if (!permit) return check(permit.error(), payers, amounts);
        oracle_.holds.push_back({std::move(*permit), payers, amounts});
    }
    void grow(Hold& hold) {
        see_time();
        auto const more = some_amounts();
        auto const grown = hold.permit.grow(more, now_);
        expect(grown.has_value() == oracle_.fits(hold.payers, more));
        if (!grown) return check(grown.error(), hold.payers, more);
        for (std::size_t i = 0; i < more.of.size(); ++i) hold.amounts.of[i] += more.of[i];
    }
    void settle(Hold& hold) {
        see_time();
        auto used = hold.amounts;
        for (auto& amount : used.of)
            amount = static_cast<std::int64_t>(below(static_cast<std::uint64_t>(amount) * 5 / 4 + 2));
        hold.permit.settle(used, now_);
        for (auto const payer : hold.payers) oracle_.uses.push_back({oracle_.clock, payer, used});
    }
    void change_rules() {
        for (auto& limit : oracle_.rules[below(oracle_.rules.size())].limits) limit.most = some_most(limit.of);
        book_.configure(oracle_.rules);
    }

    /// A wait is long enough, and not a millisecond longer than needed.
    void check(LimitRefusal const& refusal, std::vector<std::size_t> const& payers, Amounts const& amounts) {
        auto const amount = amounts[refusal.limit.of];
        auto used_up = [this, &amounts](std::size_t payer, WallTime when) {
            return std::ranges::any_of(oracle_.rules[payer].limits, [&](Limit const& limit) {
                return amounts[limit.of] > 0 && oracle_.settled(payer, limit, when) + amounts[limit.of] > limit.most;
            });
        };
        auto any_used_up = [&payers, &used_up](WallTime when) {
            return std::ranges::any_of(payers, [&](std::size_t payer) { return used_up(payer, when); });
        };
        expect(refusal.passing == !any_used_up(oracle_.clock));
        expect(!refusal.passing || !refusal.retry_in);
        if (refusal.retry_in) {
            expect(!any_used_up(now_ + *refusal.retry_in));
            expect(any_used_up(now_ + *refusal.retry_in - milliseconds(1)));
        } else if (!refusal.passing) {
            expect(refusal.limit.per.kind == Kind::total || refusal.limit.of == Resource::concurrent ||
                   amount > refusal.limit.most);
        }
    }
    /// All limits are as the oracle has them.
    void compare() {
        see_time();
        auto statuses = book_.statuses(now_);
        std::size_t seen = 0;
        for (std::size_t payer = 0; payer < oracle_.rules.size(); ++payer) {
            std::vector<LimitStatus> own;
            std::ranges::copy_if(statuses, std::back_inserter(own), [this, payer](LimitStatus const& status) {
                return status.payer.name == oracle_.rules[payer].name;
            });
            expect(own.size() == oracle_.rules[payer].limits.size());
            for (std::size_t i = 0; i < own.size() && good_; ++i, ++seen) {
                auto const& limit = oracle_.rules[payer].limits[i];
                expect(own[i].limit == limit);
                expect(own[i].settled == oracle_.settled(payer, limit, oracle_.clock));
                expect(own[i].reserved == oracle_.reserved(payer, limit.of));
            }
        }
        expect(seen == statuses.size());
    }
    /// Everything comes back, and every limit can be used to the last bit.
    void finish() {
        oracle_.holds.clear();
        now_ = std::max(now_, oracle_.clock) + days(40);
        compare();
        for (auto const& rule : oracle_.rules) {
            for (auto const& limit : rule.limits) {
                auto const account = book_.find({rule.kind, rule.name});
                auto const left = book_.room({account}, limit.of, now_).value_or(-1);
                Amounts all;
                all[limit.of] = left;
                expect(left >= 0 && book_.reserve({account}, all, now_).has_value());
                all[limit.of] = left + 1;
                expect(!book_.reserve({account}, all, now_).has_value());
            }
        }
    }

    Lottery dice_;
    WallTime now_{};
    LimitBook book_;
    Oracle oracle_;
    bool good_ = true;
};

}  // namespace

TEST_CASE("whatever requests, clocks and operators do, the book is right at every step", "[limits][property]") {
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        Game game(seed);
        game.play();
        if (!game.good()) FAIL("seed " << seed);
    }
    SUCCEED();
}

TEST_CASE("many threads at one limit never pass it, and nothing stays reserved", "[limits][threads]") {
    constexpr std::int64_t worst = 1'000, permits = 100;
    constexpr int threads = 8, rounds = 30'000;
    auto const now = sys_days(2026y / November / 25);
    LimitBook book;
    book.configure({{PayerKind::key, "ann", {{.of = Resource::money, .most = worst * permits, .per = {Kind::month}}}},
                    {PayerKind::user, "*", {{.of = Resource::concurrent, .most = permits}}}});
    auto const ann = book.find({PayerKind::key, "ann"});
    std::atomic<std::int64_t> held = 0, most_held = 0, settled = 0, refused = 0, passed = 0;

    std::latch all_there(threads);
    auto work = [&](std::uint64_t seed) {
        all_there.arrive_and_wait();
        Lottery dice(seed);
        std::vector<Permit> mine;
        for (int round = 0; round < rounds; ++round) {
            auto user = book.find({PayerKind::user, "user " + std::to_string(dice.below(50))});
            Amounts amounts;
            amounts[Resource::money] = worst;
            amounts[Resource::concurrent] = 1;
            auto permit = book.reserve({ann, std::move(user)}, amounts, now);
            if (permit) {
                most_held = std::max(most_held.load(), ++held);
                mine.push_back(std::move(*permit));
            } else {
                ++refused;
            }
            if (book.room({ann}, Resource::money, now).value_or(-1) < 0) ++passed;
            if (mine.size() > 20 || (!mine.empty() && dice.below(4) == 0)) {
                --held;  // before it is given back, so that `held` is never too much
                if (dice.below(50) == 0) {
                    Amounts used;
                    used[Resource::money] = 7;
                    settled += 7;
                    mine.back().settle(used, now);
                }
                mine.pop_back();
            }
            if (round % 4'096 == 0) book.statuses(now);
        }
        held -= static_cast<std::int64_t>(mine.size());
    };
    std::vector<std::thread> running;
    for (std::uint64_t seed = 0; seed < threads; ++seed) running.emplace_back(work, seed);
    for (auto& thread : running) thread.join();

    CHECK(most_held <= permits);
    CHECK(most_held > permits / 2);
    CHECK(refused > 0);
    CHECK(passed == 0);
    CHECK(held == 0);
    for (auto const& status : book.statuses(now)) {
        CHECK(status.reserved == 0);
        if (status.limit.of == Resource::money) CHECK(status.settled == settled);
    }
    Amounts rest;
    rest[Resource::money] = worst * permits - settled;
    CHECK(book.reserve({ann}, rest, now).has_value());
}
