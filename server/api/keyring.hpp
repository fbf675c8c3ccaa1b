#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/pipeline/limit_book.hpp"
#include "core/types/caller.hpp"
#include "core/types/result.hpp"
#include "core/types/settings.hpp"
#include "server/http/request_head.hpp"

namespace sluice::api {

/// The configured keys, by their SHA-256. Immutable; shared by all workers.
class Keyring {
public:
    /// `limits`: where the accounts of keys, teams and tags are found. Errors: internal, for a hash that is not 64
    /// hexadecimal digits.
    static Result<Keyring> from(std::vector<KeySettings> const& keys, LimitBook* limits = nullptr);

    /// With no keys configured everybody is the same nameless caller, whatever they send. Errors: invalid_api_key, with
    /// the same text and the same work for a missing, an unknown and an expired key; internal when OpenSSL fails.
    Result<Caller const*> identify(http::RequestHead const& head, std::chrono::system_clock::time_point now) const;

private:
    using Digest = std::array<std::uint8_t, 32>;
    struct DigestHash {
        std::size_t operator()(Digest const& digest) const;
    };
    struct Entry {
        Caller caller;
        std::optional<std::chrono::sys_seconds> expires;
    };

    Caller anybody_;
    std::unordered_map<Digest, Entry, DigestHash> entries_;
};

}  // namespace sluice::api
