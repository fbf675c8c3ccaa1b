#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/types/settings.hpp"
#include "server/keys/may_grant.hpp"

namespace sluice::admin {

/// Who may use the admin API, by the SHA-256 of their tokens. Immutable.
class Tokens {
public:
    explicit Tokens(AdminSettings const& settings);

    /// Without any, nobody may.
    bool empty() const { return entries_.empty(); }
    /// Whose token `authorization`, the value of that header, brings. Every token is looked at, whichever fits.
    std::optional<keys::Grantor> identify(std::string_view authorization) const;

private:
    using Digest = std::array<std::uint8_t, 32>;
    struct Entry {
        Digest digest{};
        keys::Grantor grantor{};
    };
    std::vector<Entry> entries_;
};

}  // namespace sluice::admin
