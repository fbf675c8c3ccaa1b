#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/pipeline/headers.hpp"
#include "core/pipeline/limit_book.hpp"
#include "core/pipeline/outcome.hpp"
#include "core/types/caller.hpp"
#include "core/types/chat_request.hpp"
#include "core/types/clock.hpp"
#include "core/types/parameter_rule.hpp"
#include "core/types/settings.hpp"

namespace sluice {

/// A key that the client brought for one provider.
struct OwnKey {
    std::string provider;
    CredentialSettings credential;
};

class Recorder;

/// A chat completion request that has been authenticated, read and checked. It, and what it refers to, outlives its
/// Pipeline::handle().
struct ClientRequest {
    std::string_view request_id;
    ClientInfo client;
    Caller const& caller;
    std::string method;
    std::string_view route;  ///< a literal
    ChatRequest const& chat;
    std::shared_ptr<Steering const> steering{};  ///< checked against what the caller may do; null: it says nothing
    std::string model{};                         ///< requested_model without a suffix that steers; empty: it has none
    std::string session{};   ///< names the session that it belongs to; empty: none. Never logged as it is
    std::string user{};      ///< the body's `user`, which may name a session, too
    std::string end_user{};  ///< the body's `user`, whom limits may be about and the ledger names
    std::vector<OwnKey> own_keys{};
    Recorder* also = nullptr;  ///< is told its Outcome, beside the worker's recorder
    Permit* permit = nullptr;  ///< of the caller's accounts: one request, under way; null: it has no limits
    /// A header of the client, lower-case name; empty: none. Null: there are none to look at.
    std::function<std::string_view(std::string_view name)> header{};
    std::optional<UnsupportedPolicy> unsupported{};  ///< what the client says about fields that a target doesn't take
    bool wants_receipt = false;                      ///< a header that says what was changed
    Headers forwardable{};  ///< its fields that some provider takes, lower case; each gets those that it names
    std::optional<milliseconds> client_timeout;  ///< how long the client says it waits (x-stainless-timeout ...)
    Instant received_at;                         ///< when its head was complete
    std::chrono::system_clock::time_point started_at;
    std::uint64_t bytes_in = 0;

    std::string const& model_name() const { return model.empty() ? chat.requested_model : model; }
    /// Null: the client brought none for `provider`.
    CredentialSettings const* own_key_for(std::string_view provider) const {
        for (auto const& key : own_keys) {
            if (key.provider == provider) return &key.credential;
        }
        return nullptr;
    }
};

}  // namespace sluice
