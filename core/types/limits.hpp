#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

/// What somebody may use, as plain values: money, requests, tokens, and requests at a time.
namespace sluice {

/// The time of day that windows and ledgers go by; UTC.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

/// Who is charged or counted. A request has several: its key, the key's team and tags, the model, the end user; and an
/// attempt has its provider and its target.
enum class PayerKind : std::uint8_t { key, team, tag, user, model, provider, target, count_ };

struct Payer {
    PayerKind kind = PayerKind::key;
    std::string name{};  ///< of a tag: "env=prod"; of a target: "provider/upstream-model"; of a key: its public id
    friend auto operator<=>(Payer const&, Payer const&) = default;
};

enum class Resource : std::uint8_t {
    money,       ///< NanoUsd
    requests,    ///< admitted
    tokens,      ///< input and output
    concurrent,  ///< requests under way; has no window
    count_,
};

/// So much of each resource, in the order of the enum.
struct Amounts {
    std::array<std::int64_t, static_cast<std::size_t>(Resource::count_)> of{};
    std::int64_t& operator[](Resource resource) { return of[static_cast<std::size_t>(resource)]; }
    std::int64_t operator[](Resource resource) const { return of[static_cast<std::size_t>(resource)]; }
    friend bool operator==(Amounts const&, Amounts const&) = default;
};

/// The time over which a limit counts.
struct LimitPeriod {
    enum class Kind : std::uint8_t {
        day,      ///< of the calendar, from midnight UTC
        week,     ///< from Monday, midnight UTC
        month,    ///< of the calendar, UTC
        total,    ///< never begins again
        aligned,  ///< whole multiples of `length` since 1970
        rolling,  ///< the last `length`, whenever one looks
    };
    Kind kind = Kind::total;
    std::chrono::seconds length{0};  ///< for aligned and rolling, > 0
    friend bool operator==(LimitPeriod const&, LimitPeriod const&) = default;
};

/// One payer's limits, and what is used of them: core/pipeline/limit_book.hpp.
class LimitAccount;
using LimitAccounts = std::vector<std::shared_ptr<LimitAccount>>;

struct Limit {
    Resource of = Resource::money;
    std::int64_t most = 0;  ///< in the window; of Resource::concurrent at any time
    LimitPeriod per{};
    std::vector<unsigned> warn_at{};  ///< percent of `most`; ascending
    bool clamp = true;                ///< of money: an answer may be bounded to what is left, rather than refused
    bool allow_unpriced = false;  ///< of money: calls whose price nobody knows cost nothing here, rather than refused
    friend bool operator==(Limit const&, Limit const&) = default;
};

/// The limits of whoever is called so.
struct LimitRule {
    PayerKind kind = PayerKind::key;
    std::string name{};  ///< may hold one '*': each name that it covers has an account of its own
    std::vector<Limit> limits{};
    friend bool operator==(LimitRule const&, LimitRule const&) = default;
};

}  // namespace sluice
