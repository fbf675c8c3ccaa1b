#include "core/pipeline/outcome.hpp"

namespace sluice {

std::string_view to_string(AttemptResult result) {
    switch (result) {
        case AttemptResult::ok:
            return "ok";
        case AttemptResult::connect:
            return "connect";
        case AttemptResult::timeout:
            return "timeout";
        case AttemptResult::rate_limited:
            return "rate_limited";
        case AttemptResult::server_error:
            return "server_error";
        case AttemptResult::auth:
            return "auth";
        case AttemptResult::rejected:
            return "rejected";
        case AttemptResult::invalid:
            return "invalid";
        case AttemptResult::interrupted:
            return "interrupted";
        case AttemptResult::cancelled:
            return "cancelled";
        case AttemptResult::not_sent:
        case AttemptResult::count_:
            break;
    }
    return "not_sent";
}

AttemptResult classify_attempt(std::optional<Error> const& error) {
    if (!error) return AttemptResult::ok;
    switch (error->kind) {
        case ErrorKind::upstream_unavailable:
            return AttemptResult::connect;
        case ErrorKind::upstream_timeout:
            return AttemptResult::timeout;
        case ErrorKind::upstream_rate_limited:
            return AttemptResult::rate_limited;
        case ErrorKind::upstream_server_error:
        case ErrorKind::upstream_overloaded:
            return AttemptResult::server_error;
        case ErrorKind::upstream_auth:
        case ErrorKind::upstream_quota_exhausted:
            return AttemptResult::auth;
        case ErrorKind::upstream_rejected:
        case ErrorKind::upstream_request_too_large:
        case ErrorKind::upstream_model_missing:
            return AttemptResult::rejected;
        case ErrorKind::stream_interrupted:
            return AttemptResult::interrupted;
        case ErrorKind::client_closed:
        case ErrorKind::insufficient_quota:  // we cut it
        case ErrorKind::permission_denied:   // somebody else did
        case ErrorKind::server_shutdown:
            return AttemptResult::cancelled;
        case ErrorKind::no_upstream_available:
        case ErrorKind::overloaded:
        case ErrorKind::ledger_unavailable:
            return AttemptResult::not_sent;
        default:
            return AttemptResult::invalid;
    }
}

}  // namespace sluice
