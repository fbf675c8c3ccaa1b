#include "server/lab/error_body.hpp"

#include <fmt/format.h>

#include "server/lab/json_text.hpp"

namespace sluice::lab {
namespace {

struct Usual {
    char const* message;
    char const* type;
    char const* code;
};

Usual usual(unsigned status) {
    switch (status) {
        case 400:
            return {"Invalid request from the lab", "invalid_request_error", "\"invalid_value\""};
        case 401:
            return {"Incorrect API key provided: sk-lab***. You can find your API key at the lab.",
                    "invalid_request_error", "\"invalid_api_key\""};
        case 402:
            return {"Insufficient credits", "insufficient_quota", "\"insufficient_quota\""};
        case 403:
            return {"You are not allowed to use this model", "permission_error", "\"permission_denied\""};
        case 404:
            return {"The model does not exist or you do not have access to it", "invalid_request_error",
                    "\"model_not_found\""};
        case 413:
            return {"Request too large", "invalid_request_error", "\"request_too_large\""};
        case 422:
            return {"Unprocessable request", "invalid_request_error", "null"};
        case 429:
            return {"Rate limit reached for requests", "requests", "\"rate_limit_exceeded\""};
        case 503:
            return {"The engine is currently overloaded", "server_error", "\"overloaded\""};
        case 529:
            return {"Overloaded", "overloaded_error", "\"overloaded\""};
        default:
            return {"The lab failed as it was asked to", "server_error", "null"};
    }
}

/// A number where the shape has an integer code, unless the options named one.
std::string numeric(ErrorFacts const& facts) {
    bool is_number = !facts.code.empty() && facts.code.find_first_not_of("0123456789-") == std::string::npos;
    return is_number ? facts.code : std::to_string(facts.status);
}

/// Google's word for a status.
std::string_view google_status(unsigned status) {
    switch (status) {
        case 400:
            return "INVALID_ARGUMENT";
        case 401:
            return "UNAUTHENTICATED";
        case 403:
            return "PERMISSION_DENIED";
        case 404:
            return "NOT_FOUND";
        case 429:
            return "RESOURCE_EXHAUSTED";
        case 500:
            return "INTERNAL";
        case 504:
            return "DEADLINE_EXCEEDED";
        default:
            return "UNAVAILABLE";
    }
}

std::string retry_info(ErrorFacts const& facts) {
    if (facts.retry_hint.empty()) return "[]";
    return R"([{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":")" + facts.retry_hint + R"(s"}])";
}

std::string availability(ErrorFacts const& facts) {
    auto retry = facts.retry_hint.empty() ? "null" : facts.retry_hint;
    return fmt::format(R"({{"code":"no_endpoint","retryable":true,"retry_after":{}}})", retry);
}

}  // namespace

ErrorFacts error_facts(Options const& options, unsigned status) {
    auto known = usual(status);
    ErrorFacts facts;
    facts.status = status;
    facts.message = options.error_message.value_or(known.message);
    facts.type = options.error_type.value_or(known.type);
    facts.code = options.error_code.value_or(known.code);
    facts.param = options.error_param ? json_quoted(*options.error_param) : "null";
    if (options.retry_form == RetryForm::body) {
        auto seconds = static_cast<double>(options.retry_after.count()) / 1e6;
        facts.retry_hint = fmt::format("{}", seconds);
        facts.message += fmt::format(". Please try again in {}s.", seconds);
    }
    return facts;
}

std::string error_body(ErrorShape shape, ErrorFacts const& facts) {
    auto message = json_quoted(facts.message), type = json_quoted(facts.type);
    switch (shape) {
        case ErrorShape::openai:
            return fmt::format(R"({{"error":{{"message":{},"type":{},"param":{},"code":{}}}}})", message, type,
                               facts.param, facts.code);
        case ErrorShape::openrouter:
            return fmt::format(
                R"({{"error":{{"code":{},"message":{},"metadata":{{"error_type":{},"provider_name":"Lab"}}}},"user_id":"user_lab"}})",
                numeric(facts), message, type);
        case ErrorShape::availability:
            return fmt::format(
                R"({{"error":{{"message":{},"error_type":{},"http_status":{},"availability":{},"metadata":{{}}}}}})",
                message, type, facts.status, availability(facts));
        case ErrorShape::alibaba:
            return fmt::format(R"({{"error":{{"message":{},"type":{},"code":{}}},"request_id":"lab-request"}})",
                               message, type, facts.code);
        case ErrorShape::moonshot:
            return fmt::format(R"({{"error":{{"message":{},"type":{}}}}})", message, type);
        case ErrorShape::flat:
            return fmt::format(R"({{"object":"error","message":{},"type":{},"param":{},"code":{}}})", message, type,
                               facts.param, facts.code);
        case ErrorShape::detail:
            return fmt::format(R"({{"detail":{}}})", message);
        case ErrorShape::detail_array:
            return fmt::format(R"({{"detail":[{{"loc":["body","messages"],"msg":{},"type":"value_error"}}]}})",
                               message);
        case ErrorShape::problem:
            return fmt::format(R"({{"status":{},"title":{},"detail":{}}})", facts.status, type, message);
        case ErrorShape::array:
            return fmt::format(R"([{{"error":{{"code":{},"message":{},"status":"{}","details":{}}}}}])", facts.status,
                               message, google_status(facts.status), retry_info(facts));
        case ErrorShape::code_and_text:
            return fmt::format(R"({{"code":{},"error":{}}})", facts.code == "null" ? type : facts.code, message);
        case ErrorShape::text:
            return fmt::format(R"({{"error":{},"error_type":{}}})", message, type);
        case ErrorShape::fault:
            return fmt::format(R"({{"fault":{{"faultstring":{},"detail":{{"errorcode":"lab.Fault"}}}}}})", message);
        case ErrorShape::novita:
            return fmt::format(R"({{"code":{},"reason":{},"message":{},"metadata":{{}}}})", facts.status, type,
                               message);
        case ErrorShape::anthropic:
            return fmt::format(R"({{"type":"error","error":{{"type":{},"message":{}}},"request_id":"req_lab"}})", type,
                               message);
        case ErrorShape::message:
            return fmt::format(R"({{"message":{}}})", message);
        case ErrorShape::nested:
            return fmt::format(R"({{"error":{{"message":{},"code":{}}}}})",
                               json_quoted(error_body(ErrorShape::array, facts)), facts.status);
        case ErrorShape::html:
            return fmt::format(
                "<html>\r\n<head><title>{0} Lab</title></head>\r\n<body>\r\n<center><h1>{0} Lab</h1>"
                "</center>\r\n<hr><center>cdn</center>\r\n</body>\r\n</html>\r\n",
                facts.status);
        case ErrorShape::empty:
            return {};
    }
    return {};
}

std::string_view error_content_type(ErrorShape shape) {
    if (shape == ErrorShape::html) return "text/html";
    if (shape == ErrorShape::problem) return "application/problem+json";
    return shape == ErrorShape::empty ? "" : "application/json";
}

}  // namespace sluice::lab
