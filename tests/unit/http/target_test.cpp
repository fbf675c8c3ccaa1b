#include "server/http/target.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace sluice::http {

TEST_CASE("a target is split into a path as routes know it and a query", "[http][target]") {
    auto [target, path, query] = GENERATE(table<char const*, char const*, char const*>({
        {"/", "/", ""},
        {"/v1/models", "/v1/models", ""},
        {"/v1/models/", "/v1/models", ""},
        {"//v1///models//", "/v1/models", ""},
        {"///", "/", ""},
        {"/v1/models?limit=1", "/v1/models", "limit=1"},
        {"/v1/models/?a//b/?c", "/v1/models", "a//b/?c"},
        {"/v1/models?", "/v1/models", ""},
        {"/v1/models?a=..&b=%zz", "/v1/models", "a=..&b=%zz"},
        {"?x=1", "/", "x=1"},
        {"/v1/models/meta%2fllama", "/v1/models/meta%2fllama", ""},
        {"/v1/models/a..b", "/v1/models/a..b", ""},
        {"/v1/models/...", "/v1/models/...", ""},
        {"/v1/models/.hidden", "/v1/models/.hidden", ""},
        {"/v1/models/%2e%2e%2e", "/v1/models/%2e%2e%2e", ""},
        {"/v1/models/%2ea", "/v1/models/%2ea", ""},
    }));
    CAPTURE(target);
    std::string scratch;
    auto const normal = normalise(target, scratch);
    REQUIRE(normal.has_value());
    CHECK(normal->path == path);
    CHECK(normal->query == query);
}

TEST_CASE("a target that somebody might read as another one is refused", "[http][target]") {
    auto [target, error] = GENERATE(table<char const*, TargetError>({
        {"", TargetError::no_path},
        {"*", TargetError::no_path},
        {"a.example:443", TargetError::no_path},
        {"/..", TargetError::dot_segment},
        {"/v1/../admin", TargetError::dot_segment},
        {"/v1/./models", TargetError::dot_segment},
        {"/v1/models/..", TargetError::dot_segment},
        {"/v1/models/../?x", TargetError::dot_segment},
        {"/v1/%2e%2E/admin", TargetError::dot_segment},
        {"/v1/.%2e/admin", TargetError::dot_segment},
        {"/v1/%2e/admin", TargetError::dot_segment},
        {"/v1/models/%", TargetError::bad_escape},
        {"/v1/models/%2", TargetError::bad_escape},
        {"/v1/models/%2g", TargetError::bad_escape},
        {"/v1/models/%%2f", TargetError::bad_escape},
        {"/v1/models/%00", TargetError::bad_escape},
        {"/v1/models/%0a", TargetError::bad_escape},
        {"/v1/models/%7F", TargetError::bad_escape},
        {"/v1/models/%2f%", TargetError::bad_escape},
    }));
    CAPTURE(target);
    std::string scratch;
    auto const normal = normalise(target, scratch);
    REQUIRE_FALSE(normal.has_value());
    CHECK(normal.error() == error);
}

TEST_CASE("the ordinary target is not copied", "[http][target]") {
    std::string scratch;
    std::string_view const target = "/v1/chat/completions?x";
    CHECK(normalise(target, scratch)->path.data() == target.data());
    CHECK(scratch.empty());
}

TEST_CASE("an id with slashes is the same raw and escaped", "[http][target]") {
    CHECK(decode_id("meta/llama-3") == "meta/llama-3");
    CHECK(decode_id("meta%2Fllama-3") == "meta/llama-3");
    CHECK(decode_id("a%2f%62:c%40d") == "a/b:c@d");
    CHECK(decode_id("a+b%20c") == "a+b c");
    CHECK(decode_id("%c3%a9") == "\xc3\xa9");
    CHECK(decode_id("") == "");
    CHECK(decode_id("%2541") == "%41");
}

TEST_CASE("an id with broken escapes, control bytes or dot segments is refused", "[http][target]") {
    auto [raw, error] = GENERATE(table<char const*, TargetError>({
        {"a%", TargetError::bad_escape},
        {"a%4", TargetError::bad_escape},
        {"a%4x", TargetError::bad_escape},
        {"a%00b", TargetError::bad_escape},
        {"a%1fb", TargetError::bad_escape},
        {"a%0D%0Ab", TargetError::bad_escape},
        {"..", TargetError::dot_segment},
        {"a/../b", TargetError::dot_segment},
        {"a%2f..%2fb", TargetError::dot_segment},
        {"a%2F%2e%2E", TargetError::dot_segment},
        {".%2fa", TargetError::dot_segment},
    }));
    CAPTURE(raw);
    auto const id = decode_id(raw);
    REQUIRE_FALSE(id.has_value());
    CHECK(id.error() == error);
}

}  // namespace sluice::http
