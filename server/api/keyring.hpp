#pragma once

#include <chrono>
#include <string_view>
#include <vector>

#include "core/pipeline/limit_book.hpp"
#include "core/types/caller.hpp"
#include "core/types/result.hpp"
#include "core/types/settings.hpp"
#include "server/api/digest_table.hpp"
#include "server/http/request_head.hpp"

namespace sluice::api {

/// All keys, by their SHA-256. Immutable; shared by all workers.
class Keyring {
public:
    /// `limits`: where the accounts of keys, teams and tags are found. Errors: internal, for a hash that is not 64
    /// hexadecimal digits.
    static Result<Keyring> from(std::vector<KeySettings> const& keys, AuthMode auth, LimitBook* limits = nullptr);

    /// With AuthMode::none and no keys everybody is the same nameless caller, whatever they send. Errors:
    /// invalid_api_key, with the same text and the same work for a missing, an unknown, an expired and a disabled key;
    /// internal when OpenSSL fails. What comes back lives as long as *this.
    Result<Caller const*> identify(http::RequestHead const& head, std::chrono::system_clock::time_point now) const;

    /// The first part of it: null for a key that is good for nothing. Takes the same time for every key of one length,
    /// known or not; what is made of the answer does not. Errors: internal.
    Result<Caller const*> look_up(std::string_view key, std::chrono::system_clock::time_point now) const;

    /// Whether a key that is good is good for this: for `route` ("/v1/models/{id}"), from the address `peer`. Errors:
    /// permission_denied.
    static Result<> check_use(Caller const& caller, std::string_view route, std::string_view peer);

private:
    Caller anybody_;
    bool open_ = true;                                  ///< to anybody
    DigestTable table_;                                 ///< of keys in the order of the next two; one at least
    std::vector<std::chrono::sys_seconds> good_until_;  ///< max: for ever; min: disabled
    std::vector<Caller> callers_;
};

}  // namespace sluice::api
