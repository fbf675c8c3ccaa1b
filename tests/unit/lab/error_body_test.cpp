#include "server/lab/error_body.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "support.hpp"

using namespace sluice::lab;
using nlohmann::json;

namespace {

std::string body_in(char const* shape) {
    return body_of(answer_to(
        "{}", std::string(R"({"status":503,"error_message":"it \"broke\"","error_shape":")") + shape + "\"}"));
}

}  // namespace

TEST_CASE("every JSON shape of an error has the message where its provider puts it", "[lab]") {
    auto [shape, pointer] = GENERATE(table<char const*, char const*>({
        {"openai", "/error/message"},
        {"openrouter", "/error/message"},
        {"availability", "/error/message"},
        {"alibaba", "/error/message"},
        {"moonshot", "/error/message"},
        {"flat", "/message"},
        {"detail", "/detail"},
        {"detail_array", "/detail/0/msg"},
        {"problem", "/detail"},
        {"array", "/0/error/message"},
        {"code_and_text", "/error"},
        {"text", "/error"},
        {"fault", "/fault/faultstring"},
        {"novita", "/message"},
        {"anthropic", "/error/message"},
        {"message", "/message"},
    }));
    CAPTURE(shape);
    CHECK(json::parse(body_in(shape)).at(json::json_pointer(pointer)) == "it \"broke\"");
}

TEST_CASE("a nested error is JSON inside the message", "[lab]") {
    auto inner = json::parse(json::parse(body_in("nested"))["error"]["message"].get<std::string>());
    CHECK(inner[0]["error"]["message"] == "it \"broke\"");
}

TEST_CASE("a CDN's error is a page or nothing", "[lab]") {
    CHECK(body_in("html").starts_with("<html>"));
    CHECK(body_in("empty").empty());
    CHECK(error_content_type(ErrorShape::html) == "text/html");
}

TEST_CASE("codes are integers where the shape has integers, and what the options say elsewhere", "[lab]") {
    CHECK(json::parse(body_in("openrouter"))["error"]["code"] == 503);
    auto body = body_of(answer_to("{}", R"({"status":400,"error_code":7})"));
    CHECK(json::parse(body)["error"]["code"] == 7);
}
