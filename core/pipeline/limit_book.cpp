#include "core/pipeline/limit_book.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <mutex>
#include <utility>

#include "core/pipeline/account_table.hpp"
#include "core/pipeline/limit_account.hpp"
#include "core/policy/limit_period.hpp"

namespace sluice {
namespace {

using std::chrono::milliseconds;

/// Why a limit does not give an amount; the later the longer it stays so.
enum class Obstacle : std::uint8_t { none, lease, reserved, used_up };

constexpr auto all_resources = [] {
    std::array<Resource, static_cast<std::size_t>(Resource::count_)> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<Resource>(i);
    return all;
}();

/// `amounts` without what is negative, and what `held` can't take more of.
Amounts within_bounds(Amounts amounts, Amounts const& held) {
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    for (auto const resource : all_resources) {
        amounts[resource] = std::clamp<std::int64_t>(amounts[resource], 0, most - held[resource]);
    }
    return amounts;
}

bool is_nothing(Amounts const& amounts) { return amounts == Amounts(); }

/// Some accounts may stand twice, e.g. those that all share.
void keep_each_once(LimitAccounts& accounts) {
    auto end = accounts.begin();
    for (auto& account : accounts) {
        if (account == nullptr || std::find(accounts.begin(), end, account) != end) continue;
        if (&*end != &account) *end = std::move(account);
        ++end;
    }
    accounts.erase(end, accounts.end());
}

/// Whether `left` of `most` is less of it than `other` has left of its own.
bool is_smaller_share(std::int64_t left, std::int64_t most, LimitLeft const& other) {
    return static_cast<WideAmount>(left) * std::max<std::int64_t>(other.most, 1) <
           static_cast<WideAmount>(other.left) * std::max<std::int64_t>(most, 1);
}

LimitStatus status_of(LimitAccount& account, LimitEntry const& entry, WallTime now) {
    auto const& limit = entry.counter.limit();
    bool const is_rolling = limit.of != Resource::concurrent && limit.per.kind == LimitPeriod::Kind::rolling;
    return {.payer = account.payer,
            .limit = limit,
            .settled = narrow(entry.counter.settled()),
            .reserved = narrow(account.reserved_of(limit.of)),
            .window_began = is_rolling ? window_at(limit.per, now).begin : entry.counter.began(),
            .resets_at = entry.counter.resets_at()};
}

}  // namespace

struct LimitBook::State {
    std::mutex mutex;  ///< guards all that follows
    AccountTable table{{.most_covered = most_covered, .longest_name = longest_name}};
    WallTime clock{};  ///< never goes back
    std::vector<LimitWarning> warnings{};
    bool leases_on = false;
    LimitAccounts touched{};  ///< with leases to renew

    WallTime advance(WallTime now) { return clock = std::max(clock, now); }
    bool needs_lease(LimitEntry const& entry) const {
        return leases_on && entry.counter.limit().of != Resource::concurrent;
    }

    /// By other replicas, as far as it is known.
    WideAmount elsewhere(LimitEntry const& entry) const {
        return needs_lease(entry) && entry.knows_elsewhere(clock) ? entry.elsewhere.amount : 0;
    }

    Obstacle obstacle(LimitAccount& account, LimitEntry& entry, std::int64_t amount) const;
    bool fits(LimitAccounts const& accounts, Amounts const& more) const;
    LimitRefusal refusal_of(LimitAccounts const& accounts, Amounts const& more, WallTime now);
    void want_leases(LimitAccounts const& accounts, Amounts const& more);
    std::optional<std::int64_t> room(LimitAccounts const& accounts, Resource resource);
    WideAmount room(LimitAccount& account, LimitEntry const& entry) const;

    void reserve(LimitAccounts const& accounts, Amounts const& more);
    void give_back(LimitAccounts const& accounts, Amounts const& amounts);
    void settle(LimitAccounts const& accounts, Amounts const& used);
    void warn(LimitAccount const& account, LimitEntry& entry);
    void touch(std::shared_ptr<LimitAccount> const& account, Amounts const& amounts);
    void touch_used(std::shared_ptr<LimitAccount> const& account);
    Lease take_lease(LimitAccount& account, LimitEntry& entry) const;
    void list_leases(LimitAccount& account, std::vector<Lease>& leases);
};

// --- may it be reserved?

/// The entry is in the window of `clock`.
Obstacle LimitBook::State::obstacle(LimitAccount& account, LimitEntry& entry, std::int64_t amount) const {
    auto const most = entry.counter.limit().most;
    auto const held = account.held(entry);
    bool const is_leased = !needs_lease(entry) || (entry.has_lease(clock) && held + amount <= entry.lease.granted);
    if (held + amount <= most && is_leased) return Obstacle::none;
    if (entry.counter.settled() + elsewhere(entry) + amount > most) return Obstacle::used_up;
    return held + amount > most ? Obstacle::reserved : Obstacle::lease;
}

/// Also moves what is asked of on to the window of `clock`.
bool LimitBook::State::fits(LimitAccounts const& accounts, Amounts const& more) const {
    bool all = true;
    for (auto const& account : accounts) {
        for (auto& entry : account->entries) {
            auto const amount = more[entry.counter.limit().of];
            if (amount == 0) continue;
            entry.counter.advance(clock);
            all &= obstacle(*account, entry, amount) == Obstacle::none;
        }
    }
    return all;
}

/// Something does not fit.
LimitRefusal LimitBook::State::refusal_of(LimitAccounts const& accounts, Amounts const& more, WallTime now) {
    struct Worst {
        LimitAccount* account = nullptr;
        LimitEntry* entry = nullptr;
        Obstacle obstacle = Obstacle::none;
        WallTime fits_at{};  ///< max: never
        WideAmount room = 0;

        bool worse_than(Worst const& other) const {
            if (obstacle != other.obstacle) return obstacle > other.obstacle;
            if (obstacle == Obstacle::used_up && fits_at != other.fits_at) return fits_at > other.fits_at;
            return room * std::max<std::int64_t>(other.entry->counter.limit().most, 1) <
                   other.room * std::max<std::int64_t>(entry->counter.limit().most, 1);
        }
    };
    Worst worst;
    for (auto const& account : accounts) {
        for (auto& entry : account->entries) {
            auto const amount = more[entry.counter.limit().of];
            if (amount == 0) continue;
            Worst const next{
                .account = account.get(),
                .entry = &entry,
                .obstacle = obstacle(*account, entry, amount),
                .fits_at = entry.counter.fits_at(amount, elsewhere(entry), clock).value_or(WallTime::max()),
                .room = room(*account, entry)};
            if (next.obstacle == Obstacle::none) continue;
            if (worst.entry == nullptr || next.worse_than(worst)) worst = next;
        }
    }
    auto const& limit = worst.entry->counter.limit();
    LimitRefusal refusal{.payer = worst.account->payer,
                         .limit = limit,
                         .room = room(accounts, limit.of).value_or(0),
                         .passing = worst.obstacle == Obstacle::reserved,
                         .lease_short = worst.obstacle == Obstacle::lease};
    if (!refusal.passing && worst.fits_at != WallTime::max()) refusal.retry_in = worst.fits_at - now;
    return refusal;
}

/// Only leases stand in the way.
void LimitBook::State::want_leases(LimitAccounts const& accounts, Amounts const& more) {
    for (auto const& account : accounts) {
        for (auto& entry : account->entries) {
            auto const amount = more[entry.counter.limit().of];
            if (amount == 0 || obstacle(*account, entry, amount) != Obstacle::lease) continue;
            auto const held = account->held(entry);
            // A lease that ran out is asked for again only as far as it is used.
            auto const granted =
                entry.has_lease(clock) ? entry.lease.granted : std::min<WideAmount>(entry.lease.granted, held);
            auto const lacking = held + amount - granted;
            entry.lease.least_wanted = entry.lease.wanted == 0 ? lacking : std::min(entry.lease.least_wanted, lacking);
            entry.lease.wanted += lacking;
        }
        touch(account, more);
    }
}

WideAmount LimitBook::State::room(LimitAccount& account, LimitEntry const& entry) const {
    WideAmount most = entry.counter.limit().most;
    if (needs_lease(entry)) {
        WideAmount const granted = entry.has_lease(clock) ? entry.lease.granted : 0;
        WideAmount const at_best = entry.knows_elsewhere(clock) ? most - elsewhere(entry) : granted;
        most = std::min(most, std::max(granted, at_best));
    }
    return std::max<WideAmount>(most - account.held(entry), 0);
}

std::optional<std::int64_t> LimitBook::State::room(LimitAccounts const& accounts, Resource resource) {
    std::optional<std::int64_t> least;
    for (auto const& account : accounts) {
        if (account == nullptr) continue;
        for (auto& entry : account->entries) {
            if (entry.counter.limit().of != resource) continue;
            entry.counter.advance(clock);
            auto const left = narrow(room(*account, entry));
            least = std::min(least.value_or(left), left);
        }
    }
    return least;
}

// --- what is reserved and settled

void LimitBook::State::reserve(LimitAccounts const& accounts, Amounts const& more) {
    for (auto const& account : accounts) {
        for (auto const resource : all_resources) account->reserved_of(resource) += more[resource];
        if (leases_on) touch(account, more);
    }
}

void LimitBook::State::give_back(LimitAccounts const& accounts, Amounts const& amounts) {
    for (auto const& account : accounts) {
        for (auto const resource : all_resources) account->reserved_of(resource) -= amounts[resource];
        if (leases_on) touch(account, amounts);
    }
}

void LimitBook::State::settle(LimitAccounts const& accounts, Amounts const& used) {
    for (auto const& account : accounts) {
        for (auto& entry : account->entries) {
            auto const amount = used[entry.counter.limit().of];
            if (amount == 0) continue;
            entry.counter.advance(clock);
            entry.counter.settle(amount, clock);
            warn(*account, entry);
        }
        if (leases_on) touch(account, used);
    }
}

void LimitBook::State::warn(LimitAccount const& account, LimitEntry& entry) {
    if (entry.counter.limit().warn_at.empty()) return;
    while (auto const percent = entry.counter.take_warning(clock)) {
        if (warnings.size() >= most_warnings) continue;
        warnings.push_back({.payer = account.payer,
                            .limit = entry.counter.limit(),
                            .percent = *percent,
                            .used = narrow(entry.counter.settled())});
    }
}

void LimitBook::State::touch(std::shared_ptr<LimitAccount> const& account, Amounts const& amounts) {
    for (auto& entry : account->entries) {
        if (amounts[entry.counter.limit().of] != 0 && needs_lease(entry)) entry.lease.touched = true;
    }
    if (account->touched) return;
    account->touched = true;
    touched.push_back(account);
}

// --- Permit

Permit& Permit::operator=(Permit&& other) noexcept {
    if (this == &other) return *this;
    if (book_ != nullptr) give_back();
    book_ = std::exchange(other.book_, nullptr);
    accounts_ = std::move(other.accounts_);
    amounts_ = other.amounts_;
    return *this;
}

void Permit::give_back() noexcept {
    if (accounts_.empty() || is_nothing(amounts_)) return;
    std::lock_guard const lock(book_->state_->mutex);
    book_->state_->give_back(accounts_, amounts_);
}

std::expected<void, LimitRefusal> Permit::grow(Amounts const& more, WallTime now) {
    auto const amounts = within_bounds(more, amounts_);
    if (book_ != nullptr && !accounts_.empty()) {
        auto& state = *book_->state_;
        std::lock_guard const lock(state.mutex);
        state.advance(now);
        if (!state.fits(accounts_, amounts)) {
            auto refusal = state.refusal_of(accounts_, amounts, now);
            if (refusal.lease_short) state.want_leases(accounts_, amounts);
            return std::unexpected(std::move(refusal));
        }
        state.reserve(accounts_, amounts);
    }
    for (auto const resource : all_resources) amounts_[resource] += amounts[resource];
    return {};
}

void Permit::settle(Amounts const& used, WallTime now) {
    if (book_ != nullptr && !accounts_.empty()) {
        auto& state = *book_->state_;
        std::lock_guard const lock(state.mutex);
        state.advance(now);
        state.give_back(accounts_, amounts_);
        state.settle(accounts_, within_bounds(used, {}));
    }
    book_ = nullptr;
    accounts_.clear();
    amounts_ = {};
}

// --- LimitBook

LimitBook::LimitBook() : state_(std::make_unique<State>()) {}
LimitBook::~LimitBook() = default;

void LimitBook::configure(std::vector<LimitRule> rules) {
    std::lock_guard const lock(state_->mutex);
    state_->table.configure(std::move(rules));
}

std::shared_ptr<LimitAccount> LimitBook::find(Payer const& payer) {
    std::lock_guard const lock(state_->mutex);
    return state_->table.find(payer, state_->clock);
}

std::expected<Permit, LimitRefusal> LimitBook::reserve(LimitAccounts accounts, Amounts const& amounts, WallTime now) {
    keep_each_once(accounts);
    Permit permit;
    permit.book_ = this;
    permit.accounts_ = std::move(accounts);
    auto grown = permit.grow(amounts, now);
    if (!grown) return std::unexpected(std::move(grown.error()));
    return permit;
}

Permit LimitBook::hold(LimitAccounts accounts, Amounts const& amounts, WallTime now) {
    keep_each_once(accounts);
    Permit permit;
    permit.book_ = this;
    permit.accounts_ = std::move(accounts);
    permit.amounts_ = within_bounds(amounts, {});
    std::lock_guard const lock(state_->mutex);
    state_->advance(now);
    state_->reserve(permit.accounts_, permit.amounts_);
    return permit;
}

std::expected<void, LimitRefusal> LimitBook::would_reserve(LimitAccounts accounts, Amounts const& amounts,
                                                           WallTime now) {
    keep_each_once(accounts);
    auto const more = within_bounds(amounts, {});
    std::lock_guard const lock(state_->mutex);
    state_->advance(now);
    if (!state_->fits(accounts, more)) return std::unexpected(state_->refusal_of(accounts, more, now));
    return {};
}

std::optional<std::int64_t> LimitBook::room(LimitAccounts const& accounts, Resource resource, WallTime now) {
    std::lock_guard const lock(state_->mutex);
    state_->advance(now);
    return state_->room(accounts, resource);
}

bool LimitBook::has_limit(LimitAccounts const& accounts, Resource resource) {
    return std::ranges::any_of(accounts,
                               [resource](auto const& account) { return account && account->has_limit(resource); });
}

bool LimitBook::takes_unpriced(LimitAccounts const& accounts) {
    std::lock_guard const lock(state_->mutex);
    for (auto const& account : accounts) {
        if (account == nullptr) continue;
        for (auto const& entry : account->entries) {
            auto const& limit = entry.counter.limit();
            if (limit.of == Resource::money && !limit.allow_unpriced) return false;
        }
    }
    return true;
}

RatesLeft LimitBook::rates_left(LimitAccounts const& accounts, WallTime now) {
    RatesLeft rates;
    std::lock_guard const lock(state_->mutex);
    auto const clock = state_->advance(now);
    for (auto const& account : accounts) {
        if (account == nullptr) continue;
        for (auto& entry : account->entries) {
            auto const of = entry.counter.limit().of;
            if (of != Resource::requests && of != Resource::tokens) continue;
            entry.counter.advance(clock);
            auto const left = narrow(entry.counter.limit().most - account->held(entry));
            auto& tightest = of == Resource::requests ? rates.requests : rates.tokens;
            if (!tightest || is_smaller_share(left, entry.counter.limit().most, *tightest)) {
                tightest = {.most = entry.counter.limit().most, .left = left, .resets_at = entry.counter.resets_at()};
            }
        }
    }
    return rates;
}

void LimitBook::restore(Payer const& payer, WallTime hour, Amounts const& used, WallTime now) {
    constexpr std::chrono::hours whole(1);
    std::lock_guard const lock(state_->mutex);
    auto const clock = state_->advance(now);
    auto const account = state_->table.find(payer, clock);
    if (account == nullptr) return;
    auto const at = hour + (whole - milliseconds(1));
    for (auto& entry : account->entries) {
        auto const& limit = entry.counter.limit();
        bool const is_short =
            (limit.per.kind == LimitPeriod::Kind::aligned || limit.per.kind == LimitPeriod::Kind::rolling) &&
            limit.per.length < whole;
        if (entry.complete || (is_short && limit.of != Resource::money)) continue;
        entry.counter.advance(clock);
        entry.counter.restore(used[limit.of], at, clock);
    }
}

void LimitBook::restored() {
    std::lock_guard const lock(state_->mutex);
    state_->table.complete();
}

std::vector<LimitStatus> LimitBook::statuses(LimitAccounts accounts, WallTime now) {
    keep_each_once(accounts);
    std::vector<LimitStatus> statuses;
    std::lock_guard const lock(state_->mutex);
    auto const clock = state_->advance(now);
    for (auto const& account : accounts) {
        account->advance(clock);
        for (auto const& entry : account->entries) statuses.push_back(status_of(*account, entry, clock));
    }
    return statuses;
}

std::vector<LimitStatus> LimitBook::statuses(WallTime now) {
    constexpr std::size_t at_a_time = 64;  // nobody waits longer for the lock
    LimitAccounts accounts;
    {
        std::lock_guard const lock(state_->mutex);
        accounts = state_->table.all();
    }
    std::vector<LimitStatus> statuses;
    for (std::size_t i = 0; i < accounts.size(); i += at_a_time) {
        std::lock_guard const lock(state_->mutex);
        auto const clock = state_->advance(now);
        for (std::size_t j = i; j < std::min(i + at_a_time, accounts.size()); ++j) {
            accounts[j]->advance(clock);
            for (auto const& entry : accounts[j]->entries) statuses.push_back(status_of(*accounts[j], entry, clock));
        }
    }
    return statuses;
}

std::vector<LimitWarning> LimitBook::take_warnings() {
    std::lock_guard const lock(state_->mutex);
    return std::exchange(state_->warnings, {});
}

// --- leases

void LimitBook::use_leases(bool on) {
    std::lock_guard const lock(state_->mutex);
    state_->leases_on = on;
    for (auto const& account : state_->touched) account->touched = false;
    state_->touched.clear();
    if (!on) return;
    for (auto const& account : state_->table.all()) state_->touch_used(account);
}

void LimitBook::State::touch_used(std::shared_ptr<LimitAccount> const& account) {
    Amounts used;
    for (auto& entry : account->entries) {
        if (account->held(entry) > 0) used[entry.counter.limit().of] = 1;
    }
    if (!is_nothing(used)) touch(account, used);
}

LimitBook::Lease LimitBook::State::take_lease(LimitAccount& account, LimitEntry& entry) const {
    auto const& limit = entry.counter.limit();
    return {.payer = account.payer,
            .limit = limit,
            .window_began = entry.counter.began(),
            .granted = entry.has_lease(clock) ? entry.lease.granted : 0,
            .settled = narrow(entry.counter.settled()),
            .reserved = narrow(account.reserved_of(limit.of)),
            .wanted = narrow(std::exchange(entry.lease.wanted, 0)),
            .least_wanted = narrow(std::exchange(entry.lease.least_wanted, 0))};
}

void LimitBook::State::list_leases(LimitAccount& account, std::vector<Lease>& leases) {
    account.touched = false;
    for (auto& entry : account.entries) {
        if (!entry.lease.touched) continue;
        account.touched = true;
        entry.counter.advance(clock);
        leases.push_back(take_lease(account, entry));
    }
}

std::vector<LimitBook::Lease> LimitBook::leases(WallTime now) {
    std::lock_guard const lock(state_->mutex);
    state_->advance(now);
    std::vector<Lease> leases;
    for (auto const& account : state_->touched) state_->list_leases(*account, leases);
    std::erase_if(state_->touched, [](std::shared_ptr<LimitAccount> const& account) { return !account->touched; });
    return leases;
}

std::optional<LimitBook::Lease> LimitBook::grant(Payer const& payer, Limit const& limit, WallTime window_began,
                                                 std::int64_t granted, WallTime valid_until) {
    std::lock_guard const lock(state_->mutex);
    auto const account = state_->table.find(payer, state_->clock);
    if (account == nullptr) return std::nullopt;
    std::optional<Lease> now;
    for (auto& entry : account->entries) {
        entry.counter.advance(state_->clock);
        if (!entry.counter.counts_as(limit) || entry.counter.began() != window_began) continue;
        entry.lease.granted = granted;
        entry.lease.window_began = window_began;
        entry.lease.valid_until = valid_until;
        entry.lease.touched = false;
        now = state_->take_lease(*account, entry);
    }
    return now;
}

void LimitBook::settled_elsewhere(Payer const& payer, Limit const& limit, WallTime window_began, std::int64_t amount,
                                  WallTime known_until) {
    bool const is_rate = limit.of != Resource::money && limit.per.kind == LimitPeriod::Kind::rolling;
    if (is_rate) return;
    std::lock_guard const lock(state_->mutex);
    auto const account = state_->table.find(payer, state_->clock);
    if (account == nullptr) return;
    for (auto& entry : account->entries) {
        if (entry.counter.counts_as(limit))
            entry.elsewhere = {.amount = amount, .window_began = window_began, .known_until = known_until};
    }
}

}  // namespace sluice
