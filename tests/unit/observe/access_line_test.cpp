#include "server/observe/access_line.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <nlohmann/json.hpp>

#include "sample_outcomes.hpp"

using namespace sluice;
using namespace sluice::observe;

namespace {

std::string line_of(Outcome const& outcome, LineStyle style = LineStyle::json) {
    LineBuffer out;
    Timestamp timestamp;
    append_access_line(out, outcome, observe_settings(sample::settings()), timestamp, style);
    return std::string(out.view());
}

}  // namespace

TEST_CASE("a stream's access line has every field that is known", "[access_log][golden]") {
    auto const line = line_of(sample::stream());
    CHECK(line ==
          R"({"ts":"2026-07-01T00:00:02.060Z","level":"info","msg":"request","request_id":"req_1",)"
          R"("method":"POST","route":"/v1/chat/completions","status":200,"client_ip":"192.0.2.7",)"
          R"("user_agent":"OpenAI/Python 1.2","sdk":"python","key":"ci","gen_ai.operation.name":"chat",)"
          R"("gen_ai.request.model":"smart","sluice.model":"smart","gen_ai.response.model":"acme-large-1-0701",)"
          R"("gen_ai.provider.name":"openai","sluice.provider":"acme","stream":true,)"
          R"("attempts":[{"provider":"acme","model":"acme-large-1","credential":"main","result":"ok",)"
          R"("status":200,"ms":800}],"gen_ai.usage.input_tokens":100,)"
          R"("gen_ai.usage.cache_read.input_tokens":40,"gen_ai.usage.output_tokens":20,)"
          R"("gen_ai.usage.reasoning.output_tokens":5,"usage_source":"provider","cost_usd":0.0012345,)"
          R"("finish_reasons":["stop"],"bytes_in":321,"bytes_out":4567,"duration_ms":810.12,)"
          R"("overhead_ms":0.12,"ttft_ms":201,"tpot_ms":30,"client_aborted":false})"
          "\n");
    CHECK(nlohmann::json::parse(line)["cost_usd"] == 0.0012345);
}

TEST_CASE("a refused request's access line has the error and nothing that didn't happen", "[access_log][golden]") {
    auto outcome = sample::refused(ErrorKind::invalid_api_key);
    outcome.error->detail = "sk-secret";
    outcome.error->message = "for the client";
    CHECK(line_of(outcome) ==
          R"({"ts":"2026-07-01T00:00:00.000Z","level":"warning","msg":"request","request_id":"req_2",)"
          R"("method":"POST","route":"/v1/chat/completions","status":401,)"
          R"("error_type":"invalid_api_key","error_code":"invalid_api_key",)"
          R"("client_ip":"192.0.2.7","gen_ai.operation.name":"chat","sluice.model":"other",)"
          R"("stream":false,"usage_source":"none","bytes_in":0,"bytes_out":0,"duration_ms":0.08,)"
          R"("overhead_ms":0.08,"client_aborted":false})"
          "\n");
}

TEST_CASE("every attempt is in the line, in order", "[access_log]") {
    auto outcome = sample::stream();
    outcome.attempts = {sample::failed_attempt(AttemptResult::server_error),
                        sample::failed_attempt(AttemptResult::connect), sample::good_attempt()};
    outcome.attempts[2].continued = true;
    auto const attempts = nlohmann::json::parse(line_of(outcome))["attempts"];
    REQUIRE(attempts.size() == 3);
    CHECK(attempts[0] == nlohmann::json::parse(R"({"provider":"backup","model":"backup-1","result":"server_error",
                                                   "status":500,"ms":30,"reason":"HTTP 500"})"));
    CHECK(attempts[1]["result"] == "connect");
    CHECK_FALSE(attempts[1].contains("status"));
    CHECK_FALSE(attempts[1].contains("continued"));
    CHECK(attempts[2]["continued"] == true);
    CHECK(attempts[2]["provider"] == "acme");
}

TEST_CASE("a client's text cannot break out of its field or of its line", "[access_log][hostile]") {
    auto const [text, read_back] = GENERATE(table<std::string, std::string>({
        {"\"},{\"status\":200,\"x\":\"", "\"},{\"status\":200,\"x\":\""},
        {"a\r\nb\tc", "a\r\nb\tc"},
        {std::string("nul\0here", 8), std::string("nul\0here", 8)},
        {"\x1b[2J\x7f", "\x1b[2J\x7f"},
        {"back\\slash", "back\\slash"},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"bad \xff\xc3(", "bad \xef\xbf\xbd\xef\xbf\xbd("},
        {"cut \xf0\x9f\x98", "cut \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    }));
    auto outcome = sample::stream();
    outcome.client.user_agent = outcome.requested_model = outcome.request_id = outcome.route = text;
    outcome.finish_reason = outcome.reported_model = outcome.method = outcome.attempts.front().reason = text;
    auto const style = GENERATE(LineStyle::json, LineStyle::text);
    auto const line = line_of(outcome, style);
    CAPTURE(line);
    CHECK(std::count_if(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }) == 1);
    CHECK(line.back() == '\n');
    if (style == LineStyle::json) {
        auto const json = nlohmann::json::parse(line);
        for (auto const* field :
             {"user_agent", "gen_ai.request.model", "request_id", "route", "gen_ai.response.model"}) {
            CHECK(json[field] == read_back);
        }
        CHECK(json["finish_reasons"][0] == read_back);
        CHECK(json["status"] == 200);
    } else {
        CHECK(std::all_of(line.begin(), line.end() - 1, [](char c) { return c >= 0x20 && c < 0x7F; }));
    }
}

TEST_CASE("long texts are cut at 256 bytes, not inside a character", "[access_log][hostile]") {
    auto outcome = sample::stream();
    outcome.requested_model = std::string(1'000'000, 'm');
    outcome.client.user_agent = std::string(254, 'a') + "\xe2\x82\xac\xe2\x82\xac";  // the euro sign crosses the border
    auto const line = line_of(outcome);
    auto const json = nlohmann::json::parse(line);
    CHECK(json["gen_ai.request.model"] == std::string(256, 'm'));
    CHECK(json["user_agent"] == std::string(254, 'a'));
    CHECK(line.size() < 2'000);
}

TEST_CASE("five hundred mean error, four hundred warning", "[access_log]") {
    auto const [status, level] =
        GENERATE(table<int, char const*>({{200, "info"}, {400, "warning"}, {499, "warning"}, {500, "error"}}));
    auto outcome = sample::stream();
    outcome.status = status;
    CHECK(nlohmann::json::parse(line_of(outcome))["level"] == level);
}

TEST_CASE("the line for people fits on one", "[access_log][golden]") {
    CHECK(line_of(sample::stream(), LineStyle::text) ==
          "2026-07-01T00:00:02.060Z 200 POST /v1/chat/completions smart -> acme/acme-large-1 810.12 ms ttft 201 ms "
          "100+20 tokens $0.0012345 req_1\n");
    CHECK(line_of(sample::refused(ErrorKind::internal), LineStyle::coloured) ==
          "\x1b[2m2026-07-01T00:00:00.000Z\x1b[0m \x1b[31m500\x1b[0m POST /v1/chat/completions 0.08 ms internal_error "
          "\x1b[2mreq_2\x1b[0m\n");
}

TEST_CASE("decimals are exact and have no trailing zeros", "[access_log]") {
    auto const [count, digits, text] = GENERATE(table<std::int64_t, unsigned, char const*>({
        {0, 9, "0"},
        {1, 9, "0.000000001"},
        {1'000'000'000, 9, "1"},
        {1'234'500'000, 9, "1.2345"},
        {-1'500, 3, "-1.5"},
        {1'500, 0, "1500"},
        {std::numeric_limits<std::int64_t>::max(), 9, "9223372036.854775807"},
        {std::numeric_limits<std::int64_t>::min(), 9, "-9223372036.854775808"},
    }));
    LineBuffer out;
    CHECK(out.decimal(count, digits).view() == text);
}

TEST_CASE("a timestamp is UTC with milliseconds, on both sides of a second", "[access_log]") {
    LineBuffer out;
    Timestamp timestamp;
    auto const day = std::chrono::sys_days(std::chrono::year(2024) / 2 / 29);
    timestamp.append(out, day + std::chrono::hours(23) + std::chrono::minutes(59) + milliseconds(59'999));
    out.raw(" ");
    timestamp.append(out, day + std::chrono::hours(24));
    CHECK(out.view() == "2024-02-29T23:59:59.999Z 2024-03-01T00:00:00.000Z");
}
