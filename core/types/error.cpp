#include "core/types/error.hpp"

#include <array>
#include <cstddef>

namespace sluice {
namespace {

using enum ErrorKind;
using enum Fault;

constexpr std::string_view invalid_request = "invalid_request_error";
constexpr std::string_view rate_limit = "rate_limit_error";
constexpr std::string_view quota = "insufficient_quota";
constexpr std::string_view server = "server_error";

// One row per kind, in the order of the enum (checked below).
constexpr std::array rows{
    ErrorInfo{malformed_http, 400, invalid_request, "invalid_request", caller, Retry::never, "malformed HTTP request"},
    ErrorInfo{invalid_framing, 400, invalid_request, "invalid_framing", caller, Retry::never,
              "the length of the request is ambiguous"},
    ErrorInfo{invalid_json, 400, invalid_request, "invalid_json", caller, Retry::never,
              "the body must be one valid JSON object"},
    ErrorInfo{duplicate_key, 400, invalid_request, "duplicate_key", caller, Retry::never,
              "a member name occurs twice in the same object"},
    ErrorInfo{invalid_value, 400, invalid_request, "invalid_value", caller, Retry::never,
              "a field has an invalid value"},
    ErrorInfo{unsupported_parameter, 400, invalid_request, "unsupported_parameter", caller, Retry::other_target,
              "no target of this model takes the request as it is"},
    ErrorInfo{no_target_fits, 400, invalid_request, "no_target_fits", caller, Retry::never,
              "no target of this model can serve this request"},
    ErrorInfo{unpriced_model, 400, invalid_request, "unpriced_model", caller, Retry::never,
              "this key has a budget, and the price of this model is unknown"},
    ErrorInfo{invalid_api_key, 401, invalid_request, "invalid_api_key", caller, Retry::never,
              "missing or invalid API key; send it as 'Authorization: Bearer <key>'"},
    ErrorInfo{permission_denied, 403, invalid_request, "permission_denied", caller, Retry::never,
              "this API key may not do that"},
    ErrorInfo{model_not_found, 404, invalid_request, "model_not_found", caller, Retry::never,
              "no such model; GET /v1/models lists the models that this key may use"},
    ErrorInfo{unknown_route, 404, invalid_request, "unknown_route", caller, Retry::never,
              "no such path; the base URL should end in /v1"},
    ErrorInfo{method_not_allowed, 405, invalid_request, "method_not_allowed", caller, Retry::never,
              "this path does not take that method"},
    ErrorInfo{request_timeout, 408, invalid_request, "request_timeout", caller, Retry::never,
              "the request did not arrive in time"},
    ErrorInfo{request_too_large, 413, invalid_request, "request_too_large", caller, Retry::never,
              "the request body is larger than this gateway accepts"},
    ErrorInfo{uri_too_long, 414, invalid_request, "uri_too_long", caller, Retry::never,
              "the request target is too long"},
    ErrorInfo{headers_too_large, 431, invalid_request, "headers_too_large", caller, Retry::never,
              "the request headers are too large or too many"},
    ErrorInfo{unsupported_media_type, 415, invalid_request, "unsupported_media_type", caller, Retry::never,
              "the body must be uncompressed application/json"},
    ErrorInfo{expectation_failed, 417, invalid_request, "expectation_failed", caller, Retry::never,
              "the only expectation supported is 100-continue"},
    ErrorInfo{idempotency_conflict, 409, invalid_request, "idempotency_key_reused", caller, Retry::never,
              "this Idempotency-Key was used for another request; a new request needs a new key"},
    ErrorInfo{version_not_supported, 505, server, "http_version_not_supported", caller, Retry::never,
              "this port speaks HTTP/1.1"},
    ErrorInfo{not_implemented, 501, server, "not_implemented", caller, Retry::never, "unknown transfer coding"},
    ErrorInfo{rate_limit_exceeded, 429, rate_limit, "rate_limit_exceeded", caller, Retry::never,
              "rate limit exceeded; wait and retry"},
    ErrorInfo{insufficient_quota, 429, quota, "insufficient_quota", caller, Retry::never, "the budget is used up"},
    ErrorInfo{client_closed, 499, invalid_request, "client_closed", caller, Retry::never,
              "the client closed the connection"},

    ErrorInfo{overloaded, 503, server, "overloaded", gateway, Retry::never, "the gateway is overloaded; retry soon"},
    ErrorInfo{ledger_unavailable, 503, server, "ledger_unavailable", gateway, Retry::never,
              "the gateway cannot record what requests cost right now; retry soon"},
    ErrorInfo{server_shutdown, 503, server, "server_shutdown", gateway, Retry::never, "the gateway is shutting down"},
    ErrorInfo{no_upstream_available, 503, server, "no_upstream_available", gateway, Retry::never,
              "no upstream for this model is available right now"},
    ErrorInfo{internal, 500, server, "internal_error", gateway, Retry::never, "internal error"},

    ErrorInfo{upstream_unavailable, 502, server, "upstream_unavailable", upstream, Retry::same_target,
              "the upstream could not be reached"},
    ErrorInfo{upstream_timeout, 504, server, "upstream_timeout", upstream, Retry::other_target,
              "the upstream did not answer in time"},
    ErrorInfo{upstream_invalid_response, 502, server, "upstream_invalid_response", upstream, Retry::other_target,
              "the upstream sent an invalid answer"},
    ErrorInfo{upstream_empty_answer, 502, server, "upstream_empty_answer", upstream, Retry::other_target,
              "the upstream sent an empty answer"},
    ErrorInfo{upstream_auth, 502, server, "upstream_auth", upstream, Retry::other_credential,
              "the upstream refused the gateway's own credential"},
    ErrorInfo{upstream_rate_limited, 429, rate_limit, "rate_limit_exceeded", upstream, Retry::other_credential,
              "the upstream's rate limit is reached; wait and retry"},
    ErrorInfo{upstream_quota_exhausted, 503, server, "upstream_quota_exhausted", upstream, Retry::other_credential,
              "the gateway's quota at the upstream is used up"},
    ErrorInfo{upstream_rejected, 400, invalid_request, "upstream_rejected", caller, Retry::never,
              "the upstream rejected the request"},
    ErrorInfo{upstream_request_too_large, 413, invalid_request, "request_too_large_for_upstream", upstream,
              Retry::other_target, "the request is larger than the gateway's account at the upstream allows"},
    ErrorInfo{upstream_model_missing, 404, invalid_request, "model_not_found", upstream, Retry::other_target,
              "the upstream does not offer this model"},
    ErrorInfo{upstream_server_error, 502, server, "upstream_error", upstream, Retry::same_target,
              "the upstream failed"},
    ErrorInfo{upstream_overloaded, 503, server, "upstream_overloaded", upstream, Retry::same_target,
              "the upstream is overloaded"},
    ErrorInfo{stream_interrupted, 502, server, "stream_interrupted", upstream, Retry::other_target,
              "the upstream's stream broke off; the answer is incomplete"},
};

constexpr bool in_order() {
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (static_cast<std::size_t>(rows[i].kind) != i) return false;
    }
    return rows.size() == static_cast<std::size_t>(count_);
}
static_assert(in_order(), "one row per ErrorKind, in the order of the enum");

/// Length of the valid UTF-8 sequence at `text[at]`, or 0.
std::size_t utf8_length(std::string_view text, std::size_t at) {
    auto byte = [&text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    auto tail = [&byte](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
    auto const lead = byte(at);
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return tail(at + 1) ? 2 : 0;
    if (lead >= 0xE0 && lead <= 0xEF) {
        bool const overlong = lead == 0xE0 && byte(at + 1) < 0xA0;
        bool const surrogate = lead == 0xED && byte(at + 1) >= 0xA0;
        return tail(at + 1) && tail(at + 2) && !overlong && !surrogate ? 3 : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        bool const overlong = lead == 0xF0 && byte(at + 1) < 0x90;
        bool const too_large = lead == 0xF4 && byte(at + 1) >= 0x90;
        return tail(at + 1) && tail(at + 2) && tail(at + 3) && !overlong && !too_large ? 4 : 0;
    }
    return 0;
}

void append_escaped(std::string& out, char c) {
    constexpr std::string_view hex = "0123456789abcdef";
    auto const byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
        out += '\\';
        out += c;
    } else if (c == '\n') {
        out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
        out += "\\u00";
        out += hex[byte >> 4U];
        out += hex[byte & 15U];
    } else {
        out += c;
    }
}

}  // namespace

ErrorInfo const& describe(ErrorKind kind) { return rows[static_cast<std::size_t>(kind)]; }

int status_of(Error const& error) { return error.status.value_or(describe(error.kind).status); }

std::string_view code_of(Error const& error) {
    return error.code.empty() ? describe(error.kind).code : std::string_view(error.code);
}

std::string json_quoted(std::string_view text) {
    std::string out = "\"";
    for (std::size_t i = 0; i < text.size();) {
        auto const length = utf8_length(text, i);
        if (length == 1) {
            append_escaped(out, text[i]);
        } else if (length == 0) {
            out += "\xEF\xBF\xBD";
        } else {
            out += text.substr(i, length);
        }
        i += length == 0 ? 1 : length;
    }
    return out += '"';
}

std::string to_error_body(Error const& error) {
    auto const& info = describe(error.kind);
    std::string body = R"({"error":{"message":)";
    body += json_quoted(error.message.empty() ? info.message : std::string_view(error.message));
    body += R"(,"type":)" + json_quoted(info.type);
    body += R"(,"param":)" + (error.param.empty() ? "null" : json_quoted(error.param));
    body += R"(,"code":)" + json_quoted(code_of(error)) + "}}";
    return body;
}

std::string shown(std::string_view client_text) {
    std::string out(client_text.substr(0, 64));
    for (char& c : out) {
        if (c < 0x20 || c > 0x7E) c = '?';
    }
    return out;
}

}  // namespace sluice
