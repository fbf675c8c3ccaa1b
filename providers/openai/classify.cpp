#include "providers/openai/classify.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>

namespace sluice::openai {
namespace {

using enum ErrorKind;
using std::string_view;

std::string lower(string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

/// What a name says. `unclear` ones stand for many causes, and count only where there is no status.
enum class Sure : bool { unclear, sure };
struct Rule {
    string_view label;  ///< lower case; a trailing '*' stands for any rest
    ErrorKind kind;
    Sure sure = Sure::sure;
};

// The first rule that any label meets wins, so the narrower causes stand first.
constexpr std::array rules{
    Rule{"in_flight_budget_exhausted", upstream_rate_limited},
    Rule{"weight_exceeds_budget", upstream_rejected},
    Rule{"daily_quota", upstream_quota_exhausted},
    Rule{"insufficient_quota", upstream_quota_exhausted},
    Rule{"credit_balance_exhausted", upstream_quota_exhausted},
    Rule{"organization_spend_limit_exceeded", upstream_quota_exhausted},
    Rule{"project_spend_limit_exceeded", upstream_quota_exhausted},
    Rule{"organization_usage_limit_exceeded", upstream_quota_exhausted},
    Rule{"billing_hard_limit_reached", upstream_quota_exhausted},
    Rule{"billing_not_active", upstream_quota_exhausted},
    Rule{"exceeded_current_quota_error", upstream_quota_exhausted},
    Rule{"insufficient_balance", upstream_quota_exhausted},
    Rule{"payment_required", upstream_quota_exhausted},
    Rule{"allocationquota.freetieronly", upstream_quota_exhausted},
    Rule{"arrearage", upstream_quota_exhausted},
    Rule{"model_not_found", upstream_model_missing},
    Rule{"model_not_supported", upstream_model_missing},
    Rule{"model_deprecated", upstream_model_missing},
    Rule{"model_unavailable_upstream", upstream_model_missing},
    Rule{"model_access_denied", upstream_model_missing},
    Rule{"deploymentnotfound", upstream_model_missing},
    Rule{"no_endpoints", upstream_model_missing},
    Rule{"privacy_restricted", upstream_model_missing},
    Rule{"constraint_filtered", upstream_model_missing},
    Rule{"free_variant_ended", upstream_model_missing},
    Rule{"region_restricted", upstream_model_missing},
    Rule{"resourcenotfound*", upstream_model_missing},
    Rule{"content_filter", upstream_rejected},
    Rule{"content_policy_violation", upstream_rejected},
    Rule{"responsibleaipolicyviolation", upstream_rejected},
    Rule{"data_inspection_failed", upstream_rejected},
    Rule{"datainspectionfailed", upstream_rejected},
    Rule{"unsupported_parameter", upstream_rejected},
    Rule{"unsupported_value", upstream_rejected},
    Rule{"invalid_value", upstream_rejected},
    Rule{"invalid_type", upstream_rejected},
    Rule{"missing_required_parameter", upstream_rejected},
    Rule{"unknown_parameter", upstream_rejected},
    Rule{"tool_use_failed", upstream_rejected},
    Rule{"json_validate_failed", upstream_rejected},
    Rule{"validation_error", upstream_rejected},
    Rule{"validationexception", upstream_rejected},
    Rule{"context_length_exceeded", upstream_rejected},
    Rule{"exceed_context_size_error", upstream_rejected},
    Rule{"invalid_api_key", upstream_auth},
    Rule{"api_key_invalid", upstream_auth},
    Rule{"invalid_authentication_error", upstream_auth},
    Rule{"authentication_error", upstream_auth},
    Rule{"authentication", upstream_auth},
    Rule{"unauthenticated", upstream_auth},
    Rule{"accessdenied*", upstream_auth},
    Rule{"expiredtoken*", upstream_auth},
    Rule{"unrecognizedclient*", upstream_auth},
    Rule{"account_deactivated", upstream_auth},
    Rule{"permission_denied", upstream_auth},
    Rule{"permission_error", upstream_auth},
    Rule{"rate_limit*", upstream_rate_limited},
    Rule{"slow_down", upstream_rate_limited},
    Rule{"throttling*", upstream_rate_limited},
    Rule{"limit_requests", upstream_rate_limited},
    Rule{"too_many_requests", upstream_rate_limited},
    Rule{"resource_exhausted", upstream_rate_limited},
    Rule{"resourceexhausted", upstream_rate_limited},
    Rule{"server_is_overloaded", upstream_overloaded},
    Rule{"overloaded*", upstream_overloaded},
    Rule{"engine_overloaded_error", upstream_overloaded},
    Rule{"provider_overloaded", upstream_overloaded},
    Rule{"capacity_*", upstream_overloaded},
    Rule{"temporarily_unavailable", upstream_overloaded},
    Rule{"unavailable*", upstream_overloaded},
    Rule{"service_unavailable*", upstream_overloaded},
    Rule{"serviceunavailable*", upstream_overloaded},
    Rule{"modelnotready*", upstream_overloaded},
    Rule{"insufficient_system_resource", upstream_overloaded},
    Rule{"modelerrorexception", upstream_server_error},
    Rule{"timeout", upstream_timeout, Sure::unclear},
    Rule{"deadline_exceeded", upstream_timeout, Sure::unclear},
    Rule{"not_found*", upstream_model_missing, Sure::unclear},
    Rule{"invalid_*", upstream_rejected, Sure::unclear},
    Rule{"bad_request*", upstream_rejected, Sure::unclear},
    Rule{"badrequest*", upstream_rejected, Sure::unclear},
    Rule{"failed_precondition", upstream_rejected, Sure::unclear},
    Rule{"max_tokens_exceeded", upstream_rejected, Sure::unclear},
    Rule{"token_limit_exceeded", upstream_rejected, Sure::unclear},
    Rule{"string_too_long", upstream_rejected, Sure::unclear},
    Rule{"unprocessable", upstream_rejected, Sure::unclear},
    Rule{"refusal", upstream_rejected, Sure::unclear},
};

bool meets(string_view label, string_view pattern) {
    return pattern.ends_with('*') ? label.starts_with(pattern.substr(0, pattern.size() - 1)) : label == pattern;
}

/// `internal` where no label is known.
ErrorKind by_label(ErrorBody const& body, Sure at_least) {
    std::vector<std::string> labels;
    labels.reserve(body.labels.size());
    for (auto const& label : body.labels) labels.push_back(lower(label));
    for (auto const& rule : rules) {
        if (rule.sure < at_least) continue;
        auto const met = [&rule](std::string const& label) { return meets(label, rule.label); };
        if (std::any_of(labels.begin(), labels.end(), met)) return rule.kind;
    }
    return internal;
}

/// What an upstream wrote, for those that give no names.
class Words {
public:
    explicit Words(string_view message) : text_(lower(message.substr(0, 2048))) {}
    bool any(std::initializer_list<string_view> words) const {
        return std::any_of(words.begin(), words.end(),
                           [this](auto word) { return text_.find(word) != std::string::npos; });
    }

    bool bad_key() const { return any({"api key", "api_key", "unauthorized", "authentication"}); }
    bool no_money() const {
        return any({"insufficient balance", "insufficient credit", "requires more credits", "out of credits",
                    "no credits", "any credits", "available credits", "exceeded your current quota",
                    "monthly included credits", "spending limit", "spend limit"});
    }
    bool too_long() const {
        return any({"context length", "maximum context", "context window", "max_tokens", "max_new_tokens", "too long",
                    "too many tokens"});
    }
    bool refused_content() const {
        return any(
            {"moderation", "flagged", "content policy", "usage guidelines", "safety", "guardrail", "blocked content"});
    }
    bool no_model() const {
        return any({"model", "deployment", "function"}) &&
               any({"not found", "not exist", "not supported", "no such", "not available", "unknown", "not deployed"});
    }
    bool busy() const {
        return any({"currently unavailable", "overloaded", "at capacity", "try again later", "resourceexhausted",
                    "request limit reached"});
    }
    bool per_minute() const { return any({"allocated quota", "increased too quickly"}); }
    bool budget() const { return any({"budget"}); }
    /// More than the account may ask for at once, or can pay; less would be served.
    bool too_large() const {
        return any({"request too large", "fewer max_tokens", "reduce your message size", "lower max_tokens"});
    }

private:
    std::string text_;
};

ErrorKind forbidden(ErrorBody const& body, Words const& words) {
    if (!body.moderated && words.budget()) return upstream_quota_exhausted;
    if (body.moderated || words.refused_content() || words.too_long()) return upstream_rejected;
    return words.no_money() ? upstream_quota_exhausted : upstream_auth;
}

/// Of the request, as far as the status goes; but some put everything into a 400.
ErrorKind bad_request(int status, Words const& words) {
    if (words.bad_key()) return upstream_auth;
    if (words.no_money()) return upstream_quota_exhausted;
    if (status == 412 && words.any({"suspend", "budget"})) return upstream_quota_exhausted;
    return words.no_model() ? upstream_model_missing : upstream_rejected;
}

ErrorKind by_status(int status, ErrorBody const& body) {
    Words const words(body.message);
    switch (status) {
        case 401:
            return upstream_auth;
        case 402:
            return words.too_large() ? upstream_request_too_large : upstream_quota_exhausted;
        case 403:
            return forbidden(body, words);
        case 410:
            return upstream_model_missing;
        case 404: {
            bool const about_the_path = body.message.empty() || words.no_model();
            return about_the_path ? upstream_model_missing : upstream_rejected;
        }
        case 405:
        case 406:
            return upstream_invalid_response;  // the base URL is wrong, which is not the client's fault
        case 408:
        case 409:
        case 424:
        case 425:
        case 499:
            return upstream_server_error;
        case 429:
            return words.no_money() ? upstream_quota_exhausted : upstream_rate_limited;
        case 498:
        case 503:
        case 529:
            return upstream_overloaded;
        default:
            break;
    }
    if (words.any({"resourceexhausted"})) return upstream_overloaded;
    if (status >= 500) return upstream_server_error;
    return status >= 400 ? bad_request(status, words) : upstream_invalid_response;
}

/// An error inside a stream, without any number.
ErrorKind without_status(ErrorBody const& body) {
    if (auto const kind = by_label(body, Sure::unclear); kind != internal) return kind;
    Words const words(body.message);
    if (body.moderated) return upstream_rejected;
    if (words.no_money()) return upstream_quota_exhausted;
    return words.busy() ? upstream_overloaded : upstream_server_error;
}

bool is_request_fault(ErrorKind kind) { return kind == upstream_rejected || kind == upstream_model_missing; }

constexpr std::chrono::milliseconds minute{60'000};

ErrorKind kind_of(int status, ErrorBody const& body) {
    if (status == 0) return without_status(body);
    if (status < 400) return upstream_invalid_response;
    if (status == 401) return upstream_auth;
    auto const named = by_label(body, Sure::sure);
    // A quota of tokens per minute has the name of one that is paid for; one request that is over a limit by itself has
    // the name of many that are together, and money that would do for less the name of none.
    bool const is_quota = named == upstream_quota_exhausted;
    if (is_quota && Words(body.message).per_minute()) return upstream_rate_limited;
    bool const is_limit = is_quota || named == upstream_rate_limited;
    if (is_limit && (status == 413 || Words(body.message).too_large())) return upstream_request_too_large;
    bool const contradicts = status >= 500 && (is_request_fault(named) || named == upstream_auth);
    bool const too_narrow = status == 402 && named == upstream_auth;
    if (named != internal && !contradicts && !too_narrow) return named;
    return by_status(status, body);
}

}  // namespace

ErrorClass classify(int status, ErrorBody const& body) {
    ErrorClass result{.kind = kind_of(status, body)};
    // The account's share of a minute is used up: it is there again after one (Alibaba's words).
    if (result.kind == upstream_rate_limited && Words(body.message).per_minute()) result.usual_wait = minute;
    result.is_accident =
        result.kind == upstream_rejected && (body.labelled("tool_use_failed") || body.labelled("json_validate_failed"));
    return result;
}

}  // namespace sluice::openai
