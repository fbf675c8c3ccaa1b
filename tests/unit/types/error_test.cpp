#include "core/types/error.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

using namespace sluice;

namespace {

std::vector<ErrorInfo> all_rows() {
    std::vector<ErrorInfo> rows;
    for (int kind = 0; kind < static_cast<int>(ErrorKind::count_); ++kind) {
        rows.push_back(describe(static_cast<ErrorKind>(kind)));
    }
    return rows;
}

}  // namespace

TEST_CASE("every kind has its own row, with a status, a type, a code and a message", "[error]") {
    for (auto const& row : all_rows()) {
        CAPTURE(row.code);
        CHECK(row.status >= 400);
        CHECK(row.status < 600);
        CHECK_FALSE(row.code.empty());
        CHECK_FALSE(row.message.empty());
        // ROBUSTNESS.md section 2: the type follows from the status
        bool const server = row.type == "server_error";
        CHECK(server == (row.status >= 500));
        if (row.status == 429) CHECK((row.type == "rate_limit_error" || row.type == "insufficient_quota"));
    }
}

TEST_CASE("only upstream failures may be tried again, and of a caller's only what another target may take", "[error]") {
    for (auto const& row : all_rows()) {
        CAPTURE(row.code);
        if (row.kind == ErrorKind::unsupported_parameter) {
            CHECK(row.retry == Retry::other_target);
            continue;
        }
        if (row.fault != Fault::upstream) CHECK(row.retry == Retry::never);
        if (row.fault == Fault::upstream) CHECK(row.retry != Retry::never);
    }
}

TEST_CASE("an error body is OpenAI's object with all four members", "[error]") {
    auto const body =
        nlohmann::json::parse(to_error_body({.kind = ErrorKind::invalid_value, .message = "no", .param = "n"}));
    CHECK(body ==
          nlohmann::json{
              {"error",
               {{"message", "no"}, {"type", "invalid_request_error"}, {"param", "n"}, {"code", "invalid_value"}}}});
    auto const plain = nlohmann::json::parse(to_error_body({.kind = ErrorKind::upstream_timeout}));
    CHECK(plain["error"]["param"].is_null());
    CHECK(plain["error"]["message"] == "the upstream did not answer in time");
}

TEST_CASE("an error's own code and status replace its kind's", "[error]") {
    Error const error{.kind = ErrorKind::upstream_rejected, .code = "context_length_exceeded", .status = 422};
    CHECK(status_of(error) == 422);
    CHECK(code_of(error) == "context_length_exceeded");
    CHECK(status_of({.kind = ErrorKind::upstream_rejected}) == 400);
}

TEST_CASE("the detail for the log never reaches a client", "[error]") {
    CHECK(to_error_body({.kind = ErrorKind::upstream_auth, .detail = "secret"}).find("secret") == std::string::npos);
}

TEST_CASE("any bytes become a valid JSON string", "[error]") {
    auto const [text, expected] = GENERATE(table<std::string, std::string>({
        {"plain", R"("plain")"},
        {"a\"b\\c\nd\te\x7F", R"("a\"b\\c\nd\u0009e\u007f")"},
        {std::string("\0\x1f", 2), R"("\u0000\u001f")"},
        {"gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80", "\"gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80\""},
        {"\xFF", "\"\xEF\xBF\xBD\""},
        {"\xC0\xAF", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xF4\x90\x80\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"cut \xE2\x82", "\"cut \xEF\xBF\xBD\xEF\xBF\xBD\""},
    }));
    CHECK(json_quoted(text) == expected);
    CHECK(nlohmann::json::accept(json_quoted(text)));
}

TEST_CASE("at most 64 safe characters of a client's text are shown", "[error]") {
    CHECK(shown("a\nb\xC3\xA9\x7F") == "a?b???");
    CHECK(shown(std::string(100, 'x')) == std::string(64, 'x'));
}
