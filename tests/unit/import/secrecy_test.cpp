#include "config/import/secrecy.hpp"

#include <catch2/catch.hpp>

using namespace sluice::config;

namespace {

Node scalar(std::string text) { return Node(Node::Shape::scalar, {}, std::move(text)); }

}  // namespace

TEST_CASE("a secret is masked by its key or by its look", "[import]") {
    auto const [key, text, shown] = GENERATE(table<char const*, char const*, char const*>({
        {"api_key", "anything", "***"},
        {"redis_password", "x", "***"},
        {"aws_secret_access_key", "x", "***"},
        {"value", "sk-not-a-real-one", "***"},
        {"url", "redis://u:p@host", "***"},
        {"note", "abcdefghijklmnopqrstuvwxyz0123456789", "***"},
        {"api_key", "os.environ/NAME", "os.environ/NAME"},
        {"max_tokens", "100", "100"},
        {"input_cost_per_token", "1e-6", "1e-6"},
        {"model", "groq/llama-3.3-70b-versatile", "groq/llama-3.3-70b-versatile"},
    }));
    CAPTURE(key, text);
    CHECK(shown_safely(key, scalar(text)) == shown);
}

TEST_CASE("secrets inside of maps and lists are masked", "[import]") {
    Node map(Node::Shape::map, {});
    map.entries.push_back({"password", {}, scalar("x")});
    map.entries.push_back({"host", {}, scalar("db")});
    CHECK(shown_safely("cache_params", map) == "{ password: ***, host: db }");
    CHECK(shown_safely("headers", map) == "{ password: ***, host: *** }");
}

TEST_CASE("os.environ/NAME is a variable, and a dollar sign is doubled", "[import]") {
    CHECK(written(scalar("os.environ/NAME")) == "${NAME}");
    CHECK(written(scalar("cost $5")) == "cost $$5");
    CHECK(variable_of(scalar("os.environ/")) == "");
    CHECK(variable_of(scalar("os.environ/A B")) == "");
}
