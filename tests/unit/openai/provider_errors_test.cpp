#include <catch2/catch.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "core/policy/credential_pool.hpp"
#include "providers/openai/errors.hpp"

// Table 5.2 of the project's wire reference, row by row: what each provider says, and what we make of it.

namespace sluice {
std::ostream& operator<<(std::ostream& out, ErrorKind kind);  // errors_test.cpp
}  // namespace sluice

using namespace sluice;
using namespace std::chrono_literals;
using enum ErrorKind;

namespace {

using Wait = std::optional<std::chrono::milliseconds>;

struct Row {
    char const* provider;
    int status;
    std::string body;
    Headers headers;
    ErrorKind kind;
    Retry retry;
    Bench bench;
    Wait wait{};
    std::optional<bool> retryable{};
};

/// {"error":{...}}
std::string error(std::string const& members) { return "{\"error\":{" + members + "}}"; }

Row rate_limited(char const* provider, int status, std::string body, Wait wait = {}, Headers headers = {}) {
    return {provider,
            status,
            std::move(body),
            std::move(headers),
            upstream_rate_limited,
            Retry::other_credential,
            Bench::rate_limited,
            wait};
}
Row out_of_money(char const* provider, int status, std::string body, Headers headers = {}) {
    return {provider,    status, std::move(body), std::move(headers), upstream_quota_exhausted, Retry::other_credential,
            Bench::quota};
}
Row refused_key(char const* provider, int status, std::string body, Headers headers = {}) {
    return {provider, status, std::move(body), std::move(headers), upstream_auth, Retry::other_credential, Bench::auth};
}
Row rejected(char const* provider, int status, std::string body, Headers headers = {}) {
    return {provider, status, std::move(body), std::move(headers), upstream_rejected, Retry::never, Bench::none};
}
Row no_model(char const* provider, int status, std::string body) {
    return {provider, status, std::move(body), {}, upstream_model_missing, Retry::other_target, Bench::none};
}
Row too_large(char const* provider, int status, std::string body) {
    return {provider, status, std::move(body), {}, upstream_request_too_large, Retry::other_target, Bench::none};
}
Row failed(char const* provider, int status, std::string body, Headers headers = {}) {
    return {provider,           status,     std::move(body), std::move(headers), upstream_server_error,
            Retry::same_target, Bench::none};
}
Row busy(char const* provider, int status, std::string body, Wait wait = {}, Headers headers = {}) {
    return {provider,    status, std::move(body), std::move(headers), upstream_overloaded, Retry::same_target,
            Bench::none, wait};
}
Row with(Row row, bool retryable) {
    row.retryable = retryable;
    return row;
}

std::vector<Row> const rows{
    rate_limited("openai", 429,
                 error(R"("message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded")")),
    rate_limited("openai", 429, error(R"("message":"Slow down","type":"requests","code":"slow_down")"), 1500ms,
                 {{"retry-after-ms", "1500"}, {"retry-after", "2"}}),
    too_large(
        "openai", 429,
        error(
            R"x("message":"Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 41000.","type":"tokens","code":"rate_limit_exceeded")x")),
    out_of_money(
        "openai", 429,
        error(
            R"("message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota")")),
    out_of_money("openai", 429,
                 error(R"("message":"x","type":"insufficient_quota","code":"credit_balance_exhausted")")),
    out_of_money("openai", 429,
                 error(R"("message":"x","type":"insufficient_quota","code":"organization_spend_limit_exceeded")")),
    out_of_money("openai", 429,
                 error(R"("message":"x","type":"insufficient_quota","code":"project_spend_limit_exceeded")")),
    out_of_money("openai", 429,
                 error(R"("message":"x","type":"insufficient_quota","code":"organization_usage_limit_exceeded")")),
    busy("openai", 503, error(R"("message":"x","type":"service_unavailable_error","code":"server_is_overloaded")")),
    failed("openai", 500, error(R"("message":"The server had an error","type":"server_error","code":null)")),
    failed("openai", 502, "<html>Bad gateway</html>"),
    failed("openai", 504, ""),
    with(failed("openai", 500, "", {{"x-should-retry", "false"}}), false),
    with(rejected("openai", 409, error(R"("message":"x","code":"invalid_value")"), {{"x-should-retry", "true"}}), true),
    refused_key(
        "openai", 401,
        error(
            R"("message":"Incorrect API key provided: sk-x","type":"invalid_request_error","code":"invalid_api_key")")),
    refused_key(
        "openai", 403,
        error(
            R"("message":"Country, region, or territory not supported","code":"unsupported_country_region_territory")")),
    no_model(
        "openai", 404,
        error(R"("message":"The model `x` does not exist","type":"invalid_request_error","code":"model_not_found")")),
    rejected(
        "openai", 400,
        error(
            R"("message":"This model's maximum context length is 8192 tokens","type":"invalid_request_error","code":"context_length_exceeded")")),
    rejected(
        "openai", 400,
        error(
            R"("message":"Unsupported parameter: 'max_tokens' is not supported with this model.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter")")),
    rejected(
        "openai", 400,
        error(
            R"("message":"Unsupported value: 'temperature' does not support 0.2 with this model.","type":"invalid_request_error","code":"unsupported_value")")),
    rejected(
        "openai", 400,
        error(
            R"("message":"Invalid value: 'x'. Unknown model option","type":"invalid_request_error","code":"invalid_value")")),

    rate_limited("azure", 429, error(R"("code":"429","message":"Requests have exceeded the call rate limit")"), 2500ms,
                 {{"retry-after-ms", "2500"}}),
    rate_limited("azure", 429, error(R"("code":"429","message":"We are experiencing high demand")"), 300ms,
                 {{"x-ms-retry-after-ms", "300"}, {"retry-after", "9"}}),
    rejected(
        "azure", 400,
        error(R"("message":"filtered","code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"})")),
    no_model("azure", 404,
             error(R"("code":"DeploymentNotFound","message":"The API deployment for this resource does not exist")")),
    refused_key("azure", 401, error(R"("code":"401","message":"Access denied due to invalid subscription key")")),
    refused_key("azure", 403, error(R"("code":"403","message":"Access denied due to Virtual Network/Firewall rules")")),

    with(busy("openrouter", 429,
              error(R"("message":"x","availability":{"code":"capacity_exhausted","retryable":true,"retry_after":3})"),
              3s),
         true),
    with(
        busy(
            "openrouter", 503,
            error(
                R"("message":"x","http_status":503,"availability":{"code":"temporarily_unavailable","retryable":false})")),
        false),
    with(
        no_model(
            "openrouter", 404,
            error(
                R"("message":"No endpoints found","error_type":"not_found","availability":{"code":"no_endpoints","retryable":false})")),
        false),
    rate_limited("openrouter", 429, error(R"("code":429,"message":"Rate limit exceeded")"), 7s, {{"retry-after", "7"}}),
    out_of_money(
        "openrouter", 402,
        error(
            R"("code":402,"message":"Insufficient credits","metadata":{"error_type":"payment_required","limit_source":"openrouter_credits"})")),
    out_of_money("openrouter", 402,
                 error(R"("code":402,"message":"x","metadata":{"limit_source":"openrouter_key_limit"})")),
    too_large(
        "openrouter", 402,
        error(
            R"("code":402,"message":"This request requires more credits, or fewer max_tokens. You requested up to 64000 tokens, but can only afford 800")")),
    rate_limited("openrouter", 402,
                 error(R"("code":402,"message":"x","metadata":{"error_type":"in_flight_budget_exhausted"})"), 2s,
                 {{"retry-after", "2"}}),
    rejected("openrouter", 402, error(R"("code":402,"message":"x","metadata":{"error_type":"weight_exceeds_budget"})")),
    rejected(
        "openrouter", 403,
        error(
            R"("code":403,"message":"Your input was flagged","metadata":{"reasons":["violence"],"flagged_input":"x","provider_name":"OpenAI"})")),
    rejected("openrouter", 403,
             error(R"("code":403,"message":"Blocked by a guardrail","metadata":{"patterns":["p"]})")),
    out_of_money("openrouter", 403, error(R"("code":403,"message":"Workspace budget exceeded")")),
    failed("openrouter", 408, error(R"("code":408,"message":"Your request timed out")")),
    failed("openrouter", 502,
           error(R"("code":502,"message":"Provider returned error","metadata":{"error_type":"provider_unavailable"})")),
    failed("openrouter", 504, error(R"("code":504,"message":"x","metadata":{"error_type":"timeout"})")),
    failed("openrouter", 524, ""),
    busy("openrouter", 529, error(R"("code":529,"message":"x","metadata":{"error_type":"provider_overloaded"})")),
    rejected(
        "openrouter", 400,
        error(
            R"("message":"Provider returned error","code":400,"metadata":{"raw":"{\"error\":{\"code\":\"context_length_exceeded\"}}"})")),

    rate_limited("xai", 429, R"({"code":"Some resource has been exhausted","error":"Too many requests for team"})"),
    busy("xai", 503, R"({"code":"The service is currently unavailable","error":"The model is at capacity"})"),
    refused_key("xai", 400,
                R"({"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***"})"),
    out_of_money(
        "xai", 403,
        R"({"code":"The caller does not have permission to execute the specified operation","error":"Your newly created team doesn't have any credits yet."})"),
    rejected(
        "xai", 403,
        R"({"code":"The caller does not have permission to execute the specified operation","error":"Content violates usage guidelines."})"),

    out_of_money(
        "deepseek", 402,
        error(
            R"("message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error")")),
    rate_limited("deepseek", 429,
                 error(R"("message":"Too many concurrent requests","type":"rate_limit_reached_error")")),
    failed("deepseek", 500, ""),
    busy("deepseek", 503, ""),

    out_of_money("huggingface", 402,
                 R"({"error":"You have exceeded your monthly included credits for Inference Providers."})"),
    rate_limited("huggingface", 429, R"({"error":"Too many requests"})"),
    no_model(
        "huggingface", 400,
        error(
            R"("message":"The requested model 'x' is not supported by any provider you have enabled.","type":"invalid_request_error","param":"model","code":"model_not_supported")")),

    rate_limited("together", 429,
                 error(R"("message":"above the dynamic rate","type":"rate_limit","code":"dynamic_request_limited")")),
    busy("together", 503, error(R"("message":"capacity","type":"service_unavailable")")),
    out_of_money("together", 402, error(R"("message":"spend limit","type":"billing")")),
    rejected(
        "together", 403,
        error(
            R"("message":"The sum of the prompt and max_tokens is over the context length","type":"invalid_request_error")")),
    no_model(
        "together", 404,
        error(
            R"("message":"Unable to access model x: it does not exist","type":"invalid_request_error","code":"model_not_available")")),

    rate_limited(
        "mistral", 429,
        R"({"object":"error","message":"Requests rate limit exceeded","type":"rate_limited","param":null,"code":"1300"})"),
    failed("mistral", 500,
           R"({"object":"error","message":"Service error","type":"internal_server_error","code":"3000"})"),
    failed("mistral", 502, ""),
    busy("mistral", 503, ""),
    failed("mistral", 504, ""),
    out_of_money("mistral", 402, R"({"detail":"Payment required"})"),
    rejected(
        "mistral", 422,
        R"({"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","n"],"msg":"Extra inputs"}]},"type":"invalid_request_error"})"),
    rejected("mistral", 422, R"({"detail":[{"loc":["body","messages"],"msg":"Field required","type":"missing"}]})"),

    rate_limited(
        "groq", 429,
        error(
            R"("message":"Rate limit reached for model. Please try again in 7.66s.","type":"tokens","code":"rate_limit_exceeded")"),
        8s, {{"retry-after", "8"}}),
    failed("groq", 500, ""),
    failed("groq", 502, ""),
    busy("groq", 503, ""),
    busy("groq", 498, error(R"("message":"Flex tier capacity exceeded","code":"capacity_exceeded")")),
    too_large(
        "groq", 413,
        error(
            R"x("message":"Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 7241, please reduce your message size and try again.","type":"tokens","code":"rate_limit_exceeded")x")),
    with(
        rejected(
            "groq", 400,
            error(
                R"("message":"Failed to call a function. Please adjust your prompt.","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"x")")),
        true),
    with(
        rejected(
            "groq", 400,
            error(
                R"("message":"Failed to validate JSON","type":"invalid_request_error","code":"json_validate_failed","failed_generation":"x")")),
        true),
    failed("groq", 499, ""),

    rate_limited(
        "cerebras", 429,
        R"({"message":"Requests per minute limit exceeded","type":"too_many_requests_error","param":"quota","code":"request_quota_exceeded"})"),
    rate_limited(
        "cerebras", 429,
        R"({"message":"Tokens per day limit exceeded","type":"too_many_requests_error","code":"token_quota_exceeded"})",
        11726280ms,
        {{"x-ratelimit-remaining-tokens-day", "0"},
         {"x-ratelimit-reset-tokens-day", "11726.28"},
         {"x-ratelimit-remaining-requests-minute", "9"},
         {"x-ratelimit-reset-requests-minute", "12"}}),
    busy("cerebras", 503, R"({"message":"high traffic","type":"service_unavailable"})"),
    out_of_money("cerebras", 402,
                 R"({"message":"Payment required","type":"payment_required_error","code":"payment_required"})"),
    rejected("cerebras", 422,
             R"({"message":"x","type":"invalid_request_error","param":"validation_error","code":"wrong_api_format"})"),

    rate_limited(
        "alibaba", 429,
        error(R"("message":"Requests rate limit exceeded, please try again later.","code":"Throttling.RateQuota")")),
    rate_limited(
        "alibaba", 429,
        error(
            R"("message":"You exceeded your current requests list.","type":"limit_requests","code":"limit_requests")")),
    rate_limited("alibaba", 429,
                 error(R"("message":"Request rate increased too quickly. Please slow down","code":"limit_burst_rate")"),
                 60s),
    rate_limited(
        "alibaba", 429,
        error(
            R"("message":"Allocated quota exceeded, please increase your quota limit.","code":"Throttling.AllocationQuota")"),
        60s),
    rate_limited(
        "alibaba", 429,
        R"({"error":{"message":"You exceeded your current quota, please check your plan: allocated quota exceeded","type":"insufficient_quota","code":"insufficient_quota"},"request_id":"r"})",
        60s),
    out_of_money(
        "alibaba", 403,
        error(
            R"("message":"The free tier of the model has been exhausted.","type":"AllocationQuota.FreeTierOnly","code":"AllocationQuota.FreeTierOnly")")),
    out_of_money(
        "alibaba", 400,
        error(
            R"("message":"Access denied, please make sure your account is in good standing.","type":"Arrearage","code":"Arrearage")")),
    rejected("alibaba", 400,
             error(R"("message":"Output data may contain inappropriate content.","code":"data_inspection_failed")")),
    rejected("alibaba", 400, error(R"("message":"x","code":"DataInspectionFailed")")),

    rate_limited(
        "moonshot", 429,
        error(
            R"("message":"request reached organization max RPM: 3, please try again after 1 seconds","type":"rate_limit_reached_error")")),
    busy(
        "moonshot", 429,
        error(
            R"("message":"The engine is currently overloaded, please try again later","type":"engine_overloaded_error")")),
    out_of_money("moonshot", 429,
                 error(R"("message":"You exceeded your current token quota","type":"exceeded_current_quota_error")")),
    out_of_money("moonshot", 403, error(R"("message":"Insufficient balance","type":"permission_denied_error")")),
    rejected(
        "moonshot", 400,
        error(
            R"("message":"Invalid request: Your request exceeded model token limit: 8192","type":"invalid_request_error")")),

    rate_limited("fireworks", 429, error(R"("message":"x","type":"rate_limit_exceeded")")),
    busy("fireworks", 503, ""),
    out_of_money("fireworks", 402, error(R"("message":"x")")),
    out_of_money("fireworks", 412, error(R"("message":"Account a is suspended","type":"invalid_request_error")")),
    no_model("fireworks", 412,
             error(R"("message":"LoRA addon of model x is not deployed","type":"invalid_request_error")")),
    rate_limited(
        "fireworks", 429,
        R"({"fault":{"faultstring":"Rate limit quota violation","detail":{"errorcode":"policies.ratelimit.QuotaViolation"}}})"),

    rate_limited("nvidia", 429, R"({"status":429,"title":"Too Many Requests"})"),
    busy("nvidia", 500, R"x({"detail":"ResourceExhausted: Worker local total request limit reached (33/32)"})x"),
    no_model("nvidia", 404,
             R"({"status":404,"title":"Not Found","detail":"Function 'f-1': Not found for account 'x9Kd82'"})"),
    no_model("nvidia", 410, R"({"status":410,"title":"Gone","detail":"The model x has reached its end of life."})"),
    out_of_money("nvidia", 402, R"({"status":402,"title":"Payment Required"})"),

    rate_limited(
        "gemini", 429,
        R"([{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"37s"}]}}])",
        37s),
    out_of_money(
        "gemini", 429,
        R"([{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}]}}])"),
    busy("gemini", 503, R"([{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}])"),
    failed("gemini", 500, R"([{"error":{"code":500,"message":"x","status":"INTERNAL"}}])"),
    failed("gemini", 504, R"([{"error":{"code":504,"message":"x","status":"DEADLINE_EXCEEDED"}}])"),
    rejected(
        "gemini", 400,
        R"([{"error":{"code":400,"message":"Request contains an invalid argument.","status":"INVALID_ARGUMENT"}}])"),
    rejected(
        "gemini", 400,
        R"([{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}])"),
    rejected(
        "gemini", 400,
        R"([{"error":{"code":400,"message":"Function call is missing a thought_signature in functionCall parts.","status":"INVALID_ARGUMENT"}}])"),

    rate_limited("bedrock", 429, R"({"message":"Too many tokens, please wait before trying again."})", {},
                 {{"x-amzn-errortype", "ThrottlingException:http://internal.amazon.com/"}}),
    busy("bedrock", 503, R"({"message":"x"})", {}, {{"x-amzn-errortype", "ServiceUnavailableException"}}),
    rejected(
        "bedrock", 400,
        error(
            R"("message":"The provided model identifier is invalid","type":"validation_error","code":"validation_error")")),
    refused_key("bedrock", 403, R"({"message":"The security token included in the request is expired"})",
                {{"x-amzn-errortype", "ExpiredTokenException"}}),
    failed("bedrock", 424, R"({"message":"x"})", {{"x-amzn-errortype", "ModelErrorException"}}),

    no_model("perplexity", 410, error(R"("message":"Sonar is now the Agent API","type":"gone","code":410)")),

    rate_limited("sambanova", 429,
                 error(R"("message":"Rate limit exceeded","type":"rate_limit_exceeded","code":"rate_limit_exceeded")"),
                 3600s, {{"x-ratelimit-remaining-requests-day", "0"}, {"x-ratelimit-reset-requests-day", "3600"}}),
    out_of_money("sambanova", 402, error(R"("message":"x")")),

    rate_limited("novita", 429, R"({"code":429,"reason":"RATE_LIMIT_EXCEEDED","message":"x","metadata":{}})"),
    no_model("novita", 403, R"({"code":403,"reason":"MODEL_ACCESS_DENIED","message":"verify first","metadata":{}})"),
    busy("novita", 503, R"({"code":503,"reason":"SERVICE_NOT_AVAILABLE","message":"x"})"),
    failed("novita", 504, ""),

    busy("llama.cpp", 503, error(R"("code":503,"message":"Loading model","type":"unavailable_error")")),
    rejected(
        "llama.cpp", 400,
        error(
            R"("code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":4096)")),

    no_model("ollama", 404,
             error(R"("message":"model 'x' not found","type":"not_found_error","param":null,"code":null)")),
    busy("ollama", 503,
         error(R"("message":"server busy, please try again.  maximum pending requests exceeded","type":"api_error")")),

    rejected(
        "portkey", 446,
        R"({"error":{"message":"The guardrail checks defined in the config failed.","type":"hooks_failed","param":null,"code":null},"hook_results":{}})"),
    out_of_money("portkey", 412, error(R"("message":"Budget exhausted for the key")")),
    failed("portkey", 408, error(R"("message":"Request timed out")")),

    failed("a CDN", 520, "<html>"),
    failed("a CDN", 521, "<html>"),
    failed("a CDN", 522, "<html>"),
    failed("a CDN", 523, "<html>"),
    failed("a proxy", 425, ""),
    busy("anybody", 503, "", 600s, {{"retry-after", "600"}}),
};

}  // namespace

TEST_CASE("each provider's refusals are what the wire reference says they are", "[error]") {
    for (auto const& row : rows) {
        CAPTURE(row.provider, row.status, row.body);
        auto const error = openai::error_of_answer(row.status, row.headers, row.body, openai::WallTime{});
        CHECK(error.kind == row.kind);
        CHECK(describe(error.kind).retry == row.retry);
        CHECK(bench_for(error.kind) == row.bench);
        CHECK(error.retryable == row.retryable);
        if (row.wait) CHECK(error.retry_after == row.wait);
    }
}

TEST_CASE("a refusal inside a 200 is classified all the same", "[error]") {
    auto const kind_of = [](char const* text) {
        auto body = openai::parse_error_body(text);
        REQUIRE(body);
        return openai::error_in_body(*std::move(body)).kind;
    };
    CHECK(kind_of(R"({"code":"x","error":"The service is currently unavailable"})") == upstream_overloaded);
    CHECK(kind_of(R"x({"error":{"message":"ResourceExhausted: total request limit reached (33/32)"}})x") ==
          upstream_overloaded);
    CHECK(kind_of(R"({"error":{"message":"x","code":429}})") == upstream_rate_limited);
}
