#include "providers/openai/errors.hpp"

#include <catch2/catch.hpp>
#include <ostream>
#include <string>
#include <vector>

namespace sluice {
std::ostream& operator<<(std::ostream& out, ErrorKind kind) {
    return out << static_cast<int>(kind) << " (" << describe(kind).code << ")";
}
}  // namespace sluice

using namespace sluice;
using enum ErrorKind;

namespace {

Error read(int status, std::string_view body, Headers const& headers = {}) {
    return openai::error_of_answer(status, headers, body, openai::WallTime{});
}

}  // namespace

TEST_CASE("every shape of an error body gives its message, code and param", "[error]") {
    struct Row {
        char const* name;
        std::string body;
        std::string message;
        std::string code;
        std::string param;
    };
    // The numbers are those of providers/openai/README.md, "Error bodies". 422 makes each of them the request's fault.
    std::vector<Row> const rows{
        {"1 OpenAI",
         R"({"error":{"message":"Bad n","type":"invalid_request_error","param":"n","code":"invalid_value"}})", "Bad n",
         "invalid_value", "n"},
        {"1 code is a number", R"({"error":{"message":"Bad n","type":"BadRequestError","param":null,"code":422}})",
         "Bad n", "", ""},
        {"2 OpenRouter",
         R"({"error":{"code":422,"message":"Bad n","metadata":{"error_type":"unprocessable"}},"user_id":"user_x"})",
         "Bad n", "", ""},
        {"3 OpenRouter availability",
         R"({"error":{"message":"Wrong endpoint","error_type":"invalid_request","http_status":422,"availability":{"code":"wrong_endpoint","retryable":false}}})",
         "Wrong endpoint", "", ""},
        {"4 Alibaba",
         R"({"error":{"message":"Bad n","type":"invalid_request_error","code":"invalid_parameter_error"},"request_id":"r"})",
         "Bad n", "invalid_parameter_error", ""},
        {"5 Moonshot", R"({"error":{"message":"Bad n","type":"invalid_request_error"}})", "Bad n", "", ""},
        {"6 Mistral",
         R"({"object":"error","message":"Bad n","type":"invalid_request_error","param":"n","code":"3051"})", "Bad n",
         "", "n"},
        {"7 FastAPI text", R"({"detail":"Bad n"})", "Bad n", "", ""},
        {"7 FastAPI list",
         R"({"detail":[{"loc":["body","messages",0,"role"],"msg":"field required","type":"missing"}]})",
         "messages.0.role: field required", "", "messages.0.role"},
        {"8 problem+json", R"({"status":422,"title":"Unprocessable","detail":"Bad n"})", "Bad n", "", ""},
        {"9 Google array", R"([{"error":{"code":422,"message":"Bad n","status":"INVALID_ARGUMENT"}}])", "Bad n", "",
         ""},
        {"10 xAI", R"({"code":"Client specified an invalid argument","error":"Bad n"})", "Bad n", "", ""},
        {"11 a text", R"({"error":"Bad n","error_type":"validation"})", "Bad n", "", ""},
        {"12 Apigee", R"({"fault":{"faultstring":"Bad n","detail":{"errorcode":"policies.x"}}})", "Bad n", "", ""},
        {"13 Novita", R"({"code":"INVALID","reason":"INVALID","message":"Bad n","metadata":{}})", "Bad n", "INVALID",
         ""},
        {"14 Anthropic",
         R"({"type":"error","error":{"type":"invalid_request_error","message":"Bad n"},"request_id":"r"})", "Bad n", "",
         ""},
        {"15 AWS", R"({"message":"Bad n"})", "Bad n", "", ""},
        {"16 HTML", "<html><body>Bad gateway</body></html>", "", "", ""},
        {"16 nothing", "", "", "", ""},
        {"cut off", R"({"error":{"message":"Bad)", "", "", ""},
        {"JSON in the message is not shown",
         R"({"error":{"message":"{\"error\":{\"message\":\"Bad n\",\"code\":3}}"}})", "", "", ""},
        {"other JSON", "[1,2]", "", "", ""},
        {"no text at all", "\xFF\xFE\x00", "", "", ""},
    };
    for (auto const& row : rows) {
        CAPTURE(row.name);
        auto const error = read(422, row.body);
        CHECK(error.kind == upstream_rejected);
        CHECK(error.status == 422);
        CHECK(error.message == row.message);
        CHECK(error.code == row.code);
        CHECK(error.param == row.param);
    }
}

TEST_CASE("an error's class follows from its names, then from its status", "[error]") {
    auto const [status, body, kind] = GENERATE(table<int, std::string, ErrorKind>({
        // by status alone
        {301, "", upstream_invalid_response},
        {302, "<html>", upstream_invalid_response},
        {304, "", upstream_invalid_response},
        {400, "", upstream_rejected},
        {401, "", upstream_auth},
        {402, "", upstream_quota_exhausted},
        {403, "", upstream_auth},
        {404, "", upstream_model_missing},
        {404, "<html>", upstream_model_missing},
        {405, "", upstream_invalid_response},
        {408, "", upstream_server_error},
        {409, "", upstream_server_error},
        {410, "", upstream_model_missing},
        {413, "", upstream_rejected},
        {422, "", upstream_rejected},
        {425, "", upstream_server_error},
        {429, "", upstream_rate_limited},
        {446, R"({"error":{"message":"guardrail"}})", upstream_rejected},
        {498, "", upstream_overloaded},
        {499, "", upstream_server_error},
        {500, "", upstream_server_error},
        {502, "<html>", upstream_server_error},
        {503, "", upstream_overloaded},
        {504, "", upstream_server_error},
        {520, "", upstream_server_error},
        {524, "", upstream_server_error},
        {529, "", upstream_overloaded},
        // OpenAI
        {429, R"({"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}})",
         upstream_rate_limited},
        {429,
         R"({"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}})",
         upstream_quota_exhausted},
        {429, R"({"error":{"message":"x","type":"insufficient_quota","code":"organization_spend_limit_exceeded"}})",
         upstream_quota_exhausted},
        {503, R"({"error":{"message":"x","type":"service_unavailable_error","code":"server_is_overloaded"}})",
         upstream_overloaded},
        {404,
         R"({"error":{"message":"The model `gpt-9` does not exist","type":"invalid_request_error","code":"model_not_found"}})",
         upstream_model_missing},
        {404, R"({"error":{"message":"No file file-1 here","type":"invalid_request_error"}})", upstream_rejected},
        {400, R"({"error":{"message":"x","type":"invalid_request_error","code":"context_length_exceeded"}})",
         upstream_rejected},
        {401, R"({"error":{"message":"Incorrect API key","code":"invalid_api_key"}})", upstream_auth},
        // Azure
        {400,
         R"({"error":{"message":"filtered","code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}})",
         upstream_rejected},
        {404,
         R"({"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}})",
         upstream_model_missing},
        // OpenRouter
        {402, R"({"error":{"code":402,"message":"Insufficient credits","metadata":{"error_type":"payment_required"}}})",
         upstream_quota_exhausted},
        {402, R"({"error":{"code":402,"message":"busy","metadata":{"error_type":"in_flight_budget_exhausted"}}})",
         upstream_rate_limited},
        {403,
         R"({"error":{"code":403,"message":"Your input was flagged","metadata":{"reasons":["violence"],"flagged_input":"x"}}})",
         upstream_rejected},
        {403, R"({"error":{"code":403,"message":"x","metadata":{"patterns":["p"]}}})", upstream_rejected},
        {404,
         R"({"error":{"message":"x","error_type":"not_found","availability":{"code":"no_endpoints","retryable":false}}})",
         upstream_model_missing},
        {429,
         R"({"error":{"message":"x","availability":{"code":"capacity_exhausted","retryable":true,"retry_after":3}}})",
         upstream_overloaded},
        {400,
         R"({"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"error\":{\"code\":\"context_length_exceeded\"}}","provider_name":"X"}}})",
         upstream_rejected},
        // xAI, DeepSeek, Hugging Face, Together
        {400,
         R"({"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***. You can obtain an API key from the console."})",
         upstream_auth},
        {402,
         R"({"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}})",
         upstream_quota_exhausted},
        {400,
         R"({"error":{"message":"The requested model is not supported by any provider","code":"model_not_supported"}})",
         upstream_model_missing},
        {403,
         R"({"error":{"message":"prompt + max_tokens is over the context length","type":"invalid_request_error"}})",
         upstream_rejected},
        // Mistral, Groq, Cerebras
        {422, R"({"object":"error","message":{"detail":[]},"type":"invalid_request_error"})", upstream_rejected},
        {413, R"({"error":{"message":"Request too large","type":"tokens","code":"rate_limit_exceeded"}})",
         upstream_request_too_large},
        {400,
         R"({"error":{"message":"Failed to call a function","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"x"}})",
         upstream_rejected},
        // Alibaba, Moonshot, Fireworks, Nvidia
        {429,
         R"({"error":{"message":"You exceeded your current quota: allocated quota exceeded","type":"insufficient_quota","code":"insufficient_quota"},"request_id":"r"})",
         upstream_rate_limited},
        {429, R"({"error":{"message":"x","code":"Throttling.RateQuota"}})", upstream_rate_limited},
        {403, R"({"error":{"message":"free tier only","code":"AllocationQuota.FreeTierOnly"}})",
         upstream_quota_exhausted},
        {400, R"({"error":{"message":"x","code":"Arrearage"}})", upstream_quota_exhausted},
        {400, R"({"error":{"message":"x","code":"data_inspection_failed"}})", upstream_rejected},
        {429, R"({"error":{"message":"x","type":"engine_overloaded_error"}})", upstream_overloaded},
        {429, R"({"error":{"message":"x","type":"exceeded_current_quota_error"}})", upstream_quota_exhausted},
        {412, R"({"error":{"message":"Account a is suspended"}})", upstream_quota_exhausted},
        {404, R"({"status":404,"title":"Not Found","detail":"Function 'f': Not found for account 'a1'"})",
         upstream_model_missing},
        // Google, Bedrock, local servers
        {429,
         R"([{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"37s"}]}}])",
         upstream_rate_limited},
        {429,
         R"([{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"GenerateRequestsPerDayPerProject"}]}]}}])",
         upstream_quota_exhausted},
        {400,
         R"([{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}])",
         upstream_auth},
        {500, R"({"error":{"message":"{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\"}}"}})",
         upstream_rate_limited},
        {503, R"({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}})", upstream_overloaded},
        {404, R"({"error":{"message":"model 'x' not found","type":"not_found_error"}})", upstream_model_missing},
        // a status of the server's side is not turned into the request's fault
        {500, R"({"error":{"message":"x","type":"invalid_request_error","code":"model_not_found"}})",
         upstream_server_error},
    }));
    CAPTURE(status, body);
    CHECK(read(status, body).kind == kind);
}

TEST_CASE("an AWS header names the error", "[error]") {
    CHECK(read(400, R"({"message":"slow"})", {{"x-amzn-errortype", "ThrottlingException:http://internal.amazon.test/"}})
              .kind == upstream_rate_limited);
}

TEST_CASE("the wait reaches the error where waiting helps", "[error]") {
    using namespace std::chrono_literals;
    CHECK(read(429, R"([{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"37s"}]}}])")
              .retry_after == 37s);
    CHECK(read(503, "", {{"retry-after", "2"}}).retry_after == 2s);
    CHECK(read(429, R"({"error":{"message":"x","availability":{"code":"capacity_exhausted","retry_after":3}}})")
              .retry_after == 3s);
    CHECK_FALSE(read(400, "", {{"retry-after", "2"}}).retry_after);
    CHECK_FALSE(read(401, "", {{"retry-after", "2"}}).retry_after);
}

TEST_CASE("only the request's own fault is told in the upstream's words", "[error]") {
    for (int const status : {401, 402, 403, 429, 500, 502, 503, 529}) {
        auto const error = read(status, R"({"error":{"message":"inner words","code":"inner_code","param":"p"}})");
        CAPTURE(status);
        CHECK(error.message.empty());
        CHECK(error.code.empty());
        CHECK(error.param.empty());
        CHECK(error.detail.find("inner words") != std::string::npos);
        CHECK_FALSE(error.status);
    }
    CHECK(read(404, R"({"error":{"message":"model x not found"}})").message == "model x not found");
}

TEST_CASE("no secret of an error body reaches a client or the log", "[error]") {
    for (int const status : {400, 401, 404, 422, 500}) {
        auto const error = read(
            status,
            R"({"error":{"message":"key sk-proj-SECRET1234 of org-SECRET123456","code":"sk-SECRET12345","param":"gsk_SECRET12345","type":"sk-SECRET99"}})");
        CAPTURE(status);
        CHECK((error.message.str() + error.detail.str() + error.code.str() + error.param.str()).find("SECRET") ==
              std::string::npos);
    }
}

TEST_CASE("the client's status of a rejected request is one about its own request", "[error]") {
    auto const [upstream, client] =
        GENERATE(table<int, int>({{400, 400}, {422, 422}, {413, 413}, {415, 400}, {403, 400}, {446, 400}}));
    auto const error = read(upstream, R"({"error":{"message":"flagged by moderation"}})");
    CAPTURE(upstream);
    CHECK(error.kind == upstream_rejected);
    CHECK(status_of(error) == client);
}
