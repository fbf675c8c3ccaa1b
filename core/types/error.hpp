#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/types/rare_text.hpp"

namespace sluice {

enum class Fault : std::uint8_t { caller, gateway, upstream };

/// What may be tried after a failure, as long as the client has seen nothing. Closed by default: a kind may be
/// repeated only if its row says so. A wider value includes the narrower ways out (a free credential of the same
/// target comes before another target).
enum class Retry : std::uint8_t { never, other_target, other_credential, same_target };

/// How something failed. Rows with status, code and rules: error.cpp.
enum class ErrorKind : std::uint8_t {
    // the caller's
    malformed_http,
    invalid_framing,
    invalid_json,
    duplicate_key,
    invalid_value,
    unsupported_parameter,
    no_target_fits,
    unpriced_model,
    invalid_api_key,
    permission_denied,
    model_not_found,
    unknown_route,
    method_not_allowed,
    request_timeout,
    request_too_large,
    uri_too_long,
    headers_too_large,
    unsupported_media_type,
    expectation_failed,
    idempotency_conflict,
    version_not_supported,
    not_implemented,
    rate_limit_exceeded,
    insufficient_quota,
    client_closed,
    // the gateway's
    overloaded,
    ledger_unavailable,
    server_shutdown,
    no_upstream_available,
    internal,
    // the upstream's
    upstream_unavailable,
    upstream_timeout,
    upstream_invalid_response,
    upstream_empty_answer,
    upstream_auth,
    upstream_rate_limited,
    upstream_quota_exhausted,
    upstream_rejected,
    upstream_request_too_large,
    upstream_model_missing,
    upstream_server_error,
    upstream_overloaded,
    stream_interrupted,
    count_,
};

/// The fixed facts of a kind. `status` is the HTTP status for the client, `type` and `code` the members of OpenAI's
/// error object.
struct ErrorInfo {
    ErrorKind kind;
    int status;
    std::string_view type;
    std::string_view code;
    Fault fault;
    Retry retry;
    std::string_view message;  ///< for the client, when the error brings none of its own
};

ErrorInfo const& describe(ErrorKind kind);

struct Error {
    ErrorKind kind = ErrorKind::internal;
    RareText message{};                                      ///< for the client; empty: the kind's own text
    RareText detail{};                                       ///< for the log; never sent to a client
    RareText param{};                                        ///< the request field at fault; empty: null
    RareText code{};                                         ///< instead of the kind's `code`; empty: the kind's
    std::optional<int> status{};                             ///< instead of the kind's, for `upstream_rejected`
    std::optional<std::chrono::milliseconds> retry_after{};  ///< what the upstream asked for, or when waiting helps
    /// The upstream's own word on whether it may be asked again; absent: the kind's rule.
    std::optional<bool> retryable{};

    friend bool operator==(Error const&, Error const&) = default;
};

/// The status that a client gets for `error`.
int status_of(Error const& error);

/// The `code` member that a client gets for `error`.
std::string_view code_of(Error const& error);

/// OpenAI's error object, one line: {"error":{"message":…,"type":…,"param":…,"code":…}}. Text is escaped, invalid
/// UTF-8 is replaced, and control characters never appear.
std::string to_error_body(Error const& error);

/// `text` as a JSON string with its quotes; invalid UTF-8 becomes U+FFFD.
std::string json_quoted(std::string_view text);

/// At most 64 characters of a client's own text that are safe to show in a message: printable ASCII, the rest as '?'.
std::string shown(std::string_view client_text);

}  // namespace sluice
