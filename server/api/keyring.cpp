#include "server/api/keyring.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/pipeline/admission.hpp"
#include "core/types/network.hpp"

namespace sluice::api {
namespace {

using std::chrono::sys_seconds;

std::string_view without_scheme(std::string_view authorization) {
    constexpr std::string_view scheme = "bearer ";
    if (!http::equals_ignoring_case(authorization.substr(0, scheme.size()), scheme)) return {};
    auto const key = authorization.substr(scheme.size());
    return key.substr(std::min(key.find_first_not_of(' '), key.size()));
}

/// The key that a request brings, in any of the fields that SDKs use, or in several. Empty when there is none, and when
/// two fields do not say the same: then nobody can know which one a neighbour looked at.
std::string_view presented_key(http::RequestHead const& head) {
    constexpr std::array<std::string_view, 3> key_fields{"api-key", "x-api-key", "x-goog-api-key"};
    std::string_view found;
    for (auto const& field : head.fields) {
        bool const bearer = http::equals_ignoring_case(field.name, "authorization");
        auto const named = [&field](std::string_view name) { return http::equals_ignoring_case(field.name, name); };
        if (!bearer && std::ranges::none_of(key_fields, named)) continue;
        auto const key = bearer ? without_scheme(field.value) : field.value;
        if (key.empty() || (!found.empty() && key != found)) return {};
        found = key;
    }
    return found;
}

std::optional<Digest> read_digest(std::string_view hex) {
    Digest digest{};
    if (hex.size() != 2 * digest.size()) return std::nullopt;
    for (std::size_t i = 0; i < digest.size(); ++i) {
        auto const* const begin = &hex[2 * i];
        auto const [end, error] = std::from_chars(begin, begin + 2, digest[i], 16);
        if (error != std::errc() || end != begin + 2) return std::nullopt;
    }
    return digest;
}

}  // namespace

Result<Keyring> Keyring::from(std::vector<KeySettings> const& keys, AuthMode auth, LimitBook* limits) {
    Keyring ring;
    ring.open_ = auth == AuthMode::none && keys.empty();
    std::vector<Digest> digests;
    for (auto const& key : keys) {
        auto const digest = read_digest(key.sha256_hex);
        if (!digest) {
            return std::unexpected(Error{.kind = ErrorKind::internal,
                                         .detail = "key " + key.caller.name + ": not a SHA-256 in hexadecimal"});
        }
        digests.push_back(*digest);
        ring.good_until_.push_back(key.disabled ? sys_seconds::min() : key.expires.value_or(sys_seconds::max()));
        ring.callers_.push_back(key.caller);
        if (limits != nullptr) ring.callers_.back().accounts = accounts_of(key.caller, *limits);
    }
    if (digests.empty()) {  // something to compare with
        digests.emplace_back();
        ring.good_until_.push_back(sys_seconds::min());
        ring.callers_.emplace_back();
    }
    ring.table_ = DigestTable(digests);
    return ring;
}

Result<Caller const*> Keyring::look_up(std::string_view key, std::chrono::system_clock::time_point now) const {
    SLUICE_TRY(auto const digest, digest_of(key));
    auto const found = table_.find(digest);
    bool const in_time = std::chrono::floor<std::chrono::seconds>(now) < good_until_[found.place];
    // Put together without branches, which would take longer for what the processor did not expect.
    bool const good = (static_cast<unsigned>(found.is_there) & static_cast<unsigned>(in_time) &
                       static_cast<unsigned>(!key.empty())) != 0;
    return good ? &callers_[found.place] : nullptr;
}

Result<Caller const*> Keyring::identify(http::RequestHead const& head,
                                        std::chrono::system_clock::time_point now) const {
    if (open_) return &anybody_;
    SLUICE_TRY(auto const* const caller, look_up(presented_key(head), now));
    if (caller == nullptr) return std::unexpected(Error{.kind = ErrorKind::invalid_api_key});
    return caller;
}

Result<> Keyring::check_use(Caller const& caller, std::string_view route, std::string_view peer) {
    auto const holds_route = [route](std::string const& endpoint) {
        return route.starts_with(endpoint) && (route.size() == endpoint.size() || route[endpoint.size()] == '/');
    };
    auto const holds_peer = [peer](std::string const& text) {
        auto const network = read_network(text);
        return network && contains(*network, peer);
    };
    if (!caller.endpoints.empty() && std::ranges::none_of(caller.endpoints, holds_route)) {
        return std::unexpected(
            Error{.kind = ErrorKind::permission_denied, .message = "this API key may not be used for this path"});
    }
    if (!caller.networks.empty() && std::ranges::none_of(caller.networks, holds_peer)) {
        return std::unexpected(
            Error{.kind = ErrorKind::permission_denied, .message = "this API key may not be used from this address"});
    }
    return {};
}

}  // namespace sluice::api
