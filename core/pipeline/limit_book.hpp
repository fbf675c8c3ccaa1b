#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/types/limits.hpp"

namespace sluice {

/// Why a reservation was refused: of the limits in its way the one that stays longest, of several such the one with the
/// smallest share left. So `retry_in` is true of all of them.
struct LimitRefusal {
    Payer payer{};
    Limit limit{};
    /// What all the accounts together could still give of that resource, >= 0; leases included that may be had.
    std::int64_t room = 0;
    /// Only what others have reserved stands in the way: asking again soon may help. False: it is used up.
    bool passing = false;
    bool lease_short = false;  ///< the shared store may have more: LimitBook::leases()
    /// Until there is room for it again, exactly as far as settled use goes; absent: never (a total, or more than the
    /// limit ever gives), or unknowable (passing). lease_short: should the store have no more.
    std::optional<std::chrono::milliseconds> retry_in{};
};

/// What admission gives: so much of some resources of some accounts, all or nothing. Given back by its destructor, as
/// if nothing had been used. Thread: any, one at a time. Must not outlive its LimitBook.
class Permit {
public:
    Permit() = default;  ///< of nothing
    Permit(Permit&& other) noexcept
        : book_(std::exchange(other.book_, nullptr)), accounts_(std::move(other.accounts_)), amounts_(other.amounts_) {}
    Permit& operator=(Permit&& other) noexcept;
    ~Permit() {
        if (book_ != nullptr) give_back();
    }

    Amounts const& amounts() const { return amounts_; }
    /// Reserves more, of all accounts or of none.
    std::expected<void, LimitRefusal> grow(Amounts const& more, WallTime now);
    /// Ends it: `used` counts from now on, whatever was reserved; more than that may close a limit. Of concurrent
    /// nothing is ever used.
    void settle(Amounts const& used, WallTime now);

private:
    friend class LimitBook;
    void give_back() noexcept;

    class LimitBook* book_ = nullptr;  ///< null: of nothing, whatever the rest says
    LimitAccounts accounts_{};
    Amounts amounts_{};
};

/// What a client is told of a limit.
struct LimitLeft {
    std::int64_t most = 0;
    std::int64_t left = 0;                ///< neither settled nor reserved, >= 0
    std::optional<WallTime> resets_at{};  ///< as in LimitStatus
};

/// Absent: nobody has a limit on it.
struct RatesLeft {
    std::optional<LimitLeft> requests{};
    std::optional<LimitLeft> tokens{};
};

/// A limit as it stands, for headers, metrics and reports.
struct LimitStatus {
    Payer payer{};
    Limit limit{};
    std::int64_t settled = 0;
    std::int64_t reserved = 0;
    WallTime window_began{};
    std::optional<WallTime> resets_at{};  ///< rolling: when the oldest use is forgotten; absent: never
};

/// A limit has passed one of its warn_at.
struct LimitWarning {
    Payer payer{};
    Limit limit{};
    unsigned percent = 0;
    std::int64_t used = 0;  ///< settled
};

/// Everybody's limits: settled + reserved <= most, for every limit at every instant (exceptions are settling more than
/// was reserved, and hold(): then the limit is closed). Windows only go forward: a clock set back opens none again, and
/// until it has caught up time stands still here; what is reserved when a window ends is reserved in the next one.
/// Negative amounts count as 0. Thread: any.
class LimitBook {
public:
    LimitBook();
    LimitBook(LimitBook const&) = delete;
    LimitBook& operator=(LimitBook const&) = delete;
    ~LimitBook();

    /// Replaces all rules. Of those with the same kind and name the limits are put together. What was used and reserved
    /// stays where the resource and the period are the same; a limit that is new counts from 0, see restore(). Accounts
    /// found earlier follow.
    void configure(std::vector<LimitRule> rules);

    /// The account by the rule with just this name, else by the pattern with the most text before its star, then behind
    /// it (as models are found). Null: no rule names it. The same payer gets the same account. Of a pattern there are
    /// at most `most_covered` accounts for each kind of payer: then, and for names longer than `longest_name`, all
    /// others share one that is called "other".
    std::shared_ptr<LimitAccount> find(Payer const& payer);
    static constexpr std::size_t most_covered = 100'000;
    static constexpr std::size_t longest_name = 256;  ///< bytes

    /// From all `accounts` or from none; null ones are skipped, doubles count once. An account without a limit on a
    /// resource gives any amount of it.
    std::expected<Permit, LimitRefusal> reserve(LimitAccounts accounts, Amounts const& amounts, WallTime now);

    /// Counts as reserved what another process on the same ledger has reserved already, whether there is room or not:
    /// where there is none, the limit is closed until it is given back. Null accounts are skipped, doubles count once.
    Permit hold(LimitAccounts accounts, Amounts const& amounts, WallTime now);

    /// What reserve() would say now. Nothing is reserved, and no lease is wanted.
    std::expected<void, LimitRefusal> would_reserve(LimitAccounts accounts, Amounts const& amounts, WallTime now);
    /// Whether any of the accounts has a limit on `resource`. Takes no lock.
    static bool has_limit(LimitAccounts const& accounts, Resource resource);

    /// What reserve() could give of `resource` now, or once it is borrowed; absent: there is no limit on it.
    std::optional<std::int64_t> room(LimitAccounts const& accounts, Resource resource, WallTime now);

    /// Whether every limit on money among the accounts has allow_unpriced.
    bool takes_unpriced(LimitAccounts const& accounts);

    /// What is left of requests and of tokens: each time by the limit with the smallest share left.
    RatesLeft rates_left(LimitAccounts const& accounts, WallTime now);

    /// Counts what was used in the hour that begins at `hour`, from the ledger: in limits that are new since restored()
    /// was called last, so at start in all of them. As the hour is all that is known, it counts as used at its end (or
    /// `now`): nothing is forgotten early. Windows shorter than an hour count only money so; the rest begins anew.
    void restore(Payer const& payer, WallTime hour, Amounts const& used, WallTime now);
    /// What is there now is complete.
    void restored();

    std::vector<LimitStatus> statuses(WallTime now);
    /// Of these accounts alone; null ones are skipped, doubles count once.
    std::vector<LimitStatus> statuses(LimitAccounts accounts, WallTime now);
    /// Since the last call; the first `most_warnings` of them.
    std::vector<LimitWarning> take_warnings();
    static constexpr std::size_t most_warnings = 10'000;

    // --- leases, where several replicas share limits (server/store/lease_broker)

    /// From now on limits of all resources but concurrent are only used as far as grant() allows. What is used of them
    /// already is among leases() next.
    void use_leases(bool on);

    /// How far this replica may go with one limit in one window, and how far it went.
    struct Lease {
        Payer payer{};
        Limit limit{};
        WallTime window_began{};  ///< total and rolling: 1970, for they never begin again
        std::int64_t granted = 0;
        std::int64_t settled = 0;       ///< here, in this window
        std::int64_t reserved = 0;      ///< here
        std::int64_t wanted = 0;        ///< more, that reservations lacked since it was said last
        std::int64_t least_wanted = 0;  ///< the smallest of these: less helps nobody
    };
    /// Limits that were used, or wanted, since their last grant.
    std::vector<Lease> leases(WallTime now);
    /// settled + reserved here may reach `granted` in the window that began then, until `valid_until`. Returns how it
    /// stands then, so that less can be granted and what is over be returned to others. Ignored, and nothing returned,
    /// for another window, and for a limit that is no longer there.
    std::optional<Lease> grant(Payer const& payer, Limit const& limit, WallTime window_began, std::int64_t granted,
                               WallTime valid_until);
    /// All other replicas together have settled so much of `limit` in the window that began then; taken for true until
    /// `known_until`. What does not fit beside it is used up, and no lease is wanted for it. Ignored as by grant(), and
    /// of rolling limits but those on money: when others' use is forgotten is not known here, and whoever is over a
    /// rate should not wait for the whole of its period.
    void settled_elsewhere(Payer const& payer, Limit const& limit, WallTime window_began, std::int64_t amount,
                           WallTime known_until);

private:
    friend class Permit;
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice
