#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/types/limits.hpp"

namespace sluice::store {

/// A limit as replicas name it to each other: who, what, and over which time; not how much.
struct SharedLimit {
    Payer payer{};
    Resource of = Resource::money;
    LimitPeriod per{};
    /// Amounts are counted in so much: a double, which Redis' scripts count in, is exact up to 2^53.
    std::int64_t unit = 1;

    /// "key 0 3 0 1 k_name"
    std::string text() const;
    static std::optional<SharedLimit> read(std::string_view text);
    static SharedLimit of_limit(Payer const& payer, Limit const& limit);

    std::int64_t units_up(std::int64_t amount) const { return amount / unit + (amount % unit > 0 ? 1 : 0); }
    std::int64_t units_down(std::int64_t amount) const { return amount / unit; }

    bool is_rolling() const { return per.kind == LimitPeriod::Kind::rolling; }
    /// Where the window that `now` lies in began; total and rolling: 1970, as in LimitBook.
    WallTime window_began(WallTime now) const;
    /// From when on the ledger is asked what is used of that window. Not later than it counts.
    WallTime counts_since(WallTime now) const;
};

}  // namespace sluice::store
