#include "providers/openai/errors.hpp"

#include <utility>

#include "providers/openai/classify.hpp"
#include "providers/openai/retry_after.hpp"
#include "providers/openai/safe_text.hpp"

namespace sluice::openai {
namespace {

/// For the log: what the upstream called it and said, without secrets.
std::string detail_of(int status, ErrorBody const& body) {
    auto detail = status == 0 ? std::string("upstream error") : "upstream error " + std::to_string(status);
    for (auto const& label : body.labels) {
        if (auto const name = safe_identifier(label); !name.empty()) detail += " " + name;
    }
    if (auto const text = safe_text(body.message); !text.empty()) detail += ": " + text;
    return detail;
}

/// The client gets the status that tells it what it did wrong, but no 401 or 403: its own key is fine.
int status_for_client(int status) { return status == 404 || status == 413 || status == 422 ? status : 400; }

/// Only what is the request's fault is told in the upstream's words.
void add_words(Error& error, int status, ErrorBody const& body) {
    if (error.kind == ErrorKind::upstream_rejected) error.status = status_for_client(status);
    if (error.kind != ErrorKind::upstream_rejected && error.kind != ErrorKind::upstream_model_missing) return;
    error.message = safe_text(body.message);
    error.param = safe_identifier(body.param);
    bool const is_number = body.code.find_first_not_of("0123456789") == std::string::npos;
    if (error.kind == ErrorKind::upstream_rejected && !is_number) error.code = safe_identifier(body.code);
}

bool waiting_helps(ErrorKind kind) {
    return kind != ErrorKind::upstream_rejected && kind != ErrorKind::upstream_model_missing &&
           kind != ErrorKind::upstream_auth && kind != ErrorKind::upstream_request_too_large;
}

Error make_error(int status, ErrorBody const& body, Wait wait) {
    auto const [kind, usual_wait, is_accident] = classify(status, body);
    Error error{.kind = kind};
    error.detail = detail_of(status, body);
    add_words(error, status, body);
    if (waiting_helps(kind)) error.retry_after = wait ? wait : usual_wait;
    error.retryable = body.retryable;
    if (is_accident) error.retryable = true;
    return error;
}

/// OpenAI's SDKs obey this one before all else.
std::optional<bool> should_retry(Headers const& headers) {
    auto const word = find(headers, "x-should-retry");
    if (word == "true") return true;
    return word == "false" ? std::optional(false) : std::nullopt;
}

}  // namespace

Error error_of_answer(int status, Headers const& headers, std::string_view text, WallTime now) {
    auto body = parse_error_body(text).value_or(ErrorBody{});
    unwrap(body);
    if (auto const type = find(headers, "x-amzn-errortype"); !type.empty()) {
        body.labels.emplace_back(type.substr(0, type.find(':')));
    }
    auto error = make_error(status, body, parse_retry_after(headers, body, now));
    if (auto const word = should_retry(headers)) error.retryable = word;
    return error;
}

Error error_in_body(ErrorBody body) {
    unwrap(body);
    auto const wait = body.retry_after ? body.retry_after : wait_in_words(body.message);
    return make_error(body.status.value_or(0), body, wait);
}

}  // namespace sluice::openai
