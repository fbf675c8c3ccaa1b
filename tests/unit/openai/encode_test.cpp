#include "providers/openai/encode.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "server/api/chat_request_reader.hpp"

using namespace sluice;

namespace {

enum class StreamUsage : bool { as_asked, always };

std::string encoded(std::string const& body, std::string_view target, StreamUsage usage = StreamUsage::always) {
    auto const request = read_chat_request(body, {});
    REQUIRE(request);
    ProviderSettings provider;
    provider.include_usage = usage == StreamUsage::always;
    auto const made = openai::encode(*request, {.provider = provider, .model = target});
    REQUIRE(made);
    std::string out;
    for (auto const piece : spliced(body, made->edits)) out += piece;
    CHECK(nlohmann::json::accept(out));
    return out;
}

constexpr char const* messages = R"("messages":[{"role":"user","content":"hi"}])";

}  // namespace

TEST_CASE("the model is replaced in place, and every other byte stays", "[openai]") {
    std::string const head = R"({ "x":1.000000000000000000001, "model" : )";
    std::string const tail = std::string(" , ") + messages + R"(, "unknown":{"a":[1e5, 0.10]},"y":"\u00e9" })";
    CHECK(encoded(head + R"("gpt-4o")" + tail, "openai/gpt-4o") == head + R"("openai/gpt-4o")" + tail);
    CHECK(encoded(head + R"("gpt-4o")" + tail, "a\"b\\") == head + R"("a\"b\\")" + tail);
}

TEST_CASE("a model that is the same already is left as the client wrote it", "[openai]") {
    std::string const body = std::string(R"({"model":"gpt\u002d4o",)") + messages + "}";
    CHECK(encoded(body, "gpt-4o") == body);
}

TEST_CASE("a stream always asks its upstream for usage", "[openai]") {
    auto const body = [](std::string const& options) {
        return std::string(R"({"model":"m",)") + messages + R"(,"stream":true)" + options + "}";
    };
    auto const whole = std::string(R"(,"stream_options":{"include_usage":true})");
    CHECK(encoded(body(""), "m") ==
          std::string(R"({"stream_options":{"include_usage":true},"model":"m",)") + messages + R"(,"stream":true})");
    CHECK(encoded(body(R"(,"stream_options":null)"), "m") == body(whole));
    CHECK(encoded(body(R"(,"stream_options":{})"), "m") == body(whole));
    CHECK(encoded(body(R"(,"stream_options":{ })"), "m") == body(R"(,"stream_options":{"include_usage":true })"));
    CHECK(encoded(body(whole), "m") == body(whole));
    CHECK(encoded(body(R"(,"stream_options":{"include_usage":false})"), "m") == body(whole));
    CHECK(encoded(body(R"(,"stream_options":{"include_usage":null})"), "m") == body(whole));
    CHECK(encoded(body(R"(,"stream_options":{"include_obfuscation":false , "include_usage" : false })"), "m") ==
          body(R"(,"stream_options":{"include_obfuscation":false , "include_usage" : true })"));
    CHECK(encoded(body(R"(,"stream_options":{ "include_obfuscation":false})"), "m") ==
          body(R"(,"stream_options":{"include_usage":true, "include_obfuscation":false})"));
    CHECK(encoded(body(R"(,"stream_options":{"include\u005fusage":false})"), "m") ==
          body(R"(,"stream_options":{"include\u005fusage":true})"));
}

TEST_CASE("usage is asked for only in streams, and only where the provider knows the option", "[openai]") {
    std::string const plain = std::string(R"({"model":"m",)") + messages + "}";
    CHECK(encoded(plain, "m") == plain);
    std::string const stream = std::string(R"({"model":"m","stream":true,)") + messages + "}";
    CHECK(encoded(stream, "m", StreamUsage::as_asked) == stream);
    std::string const options =
        std::string(R"({"model":"m","stream":false,"stream_options":{"include_usage":false},)") + messages + "}";
    CHECK(encoded(options, "m") == options);
}

TEST_CASE("edits are sorted, wherever the fields stand", "[openai]") {
    CHECK(encoded(std::string(R"({"stream_options":null,"stream":true,)") + messages + R"(,"model":"a"})", "b") ==
          std::string(R"({"stream_options":{"include_usage":true},"stream":true,)") + messages + R"(,"model":"b"})");
    CHECK(encoded(std::string(R"({"model":"a","stream":true,)") + messages + "}", "b") ==
          std::string(R"({"stream_options":{"include_usage":true},"model":"b","stream":true,)") + messages + "}");
}

TEST_CASE("the path may hold the target's model, encoded", "[openai]") {
    auto const request = read_chat_request(std::string(R"({"model":"m",)") + messages + "}", {});
    REQUIRE(request);
    ProviderSettings provider;
    CHECK(openai::encode(*request, {.provider = provider, .model = "m"})->path == "/chat/completions");
    provider.chat_path = "/deployments/{model}/chat/completions?api-version=1";
    CHECK(openai::encode(*request, {.provider = provider, .model = "a/b c?"})->path ==
          "/deployments/a%2Fb%20c%3F/chat/completions?api-version=1");
}

TEST_CASE("what a client says about the choice reaches routers only", "[openai]") {
    std::string const steered = std::string(R"({"provider":{"only":["x"]},"model":"m:nitro",)") + messages +
                                R"(,"models":["a"],"route":"fallback","x":1})";
    auto request = *read_chat_request(steered, {});
    request.model_suffix = ":nitro";
    auto const sent = [&](bool is_router) {
        ProviderSettings provider;
        provider.is_router = is_router;
        auto const made =
            openai::encode(request, {.provider = provider, .model = "up", .unsupported = UnsupportedPolicy::reject});
        REQUIRE(made);
        std::string out;
        for (auto const piece : spliced(steered, made->edits)) out += piece;
        return std::pair(out, made->adjustments);
    };
    auto const [direct, receipt] = sent(false);
    CHECK(direct == std::string(R"({"model":"up",)") + messages + R"(,"x":1})");
    REQUIRE(receipt.size() == 3);
    for (auto const& line : receipt) CHECK(line.severity == Severity::exact);
    CHECK(sent(true).first == std::string(R"({"provider":{"only":["x"]},"model":"up:nitro",)") + messages +
                                  R"(,"models":["a"],"route":"fallback","x":1})");
    request.steering_ignored = true;
    CHECK(sent(true).first == direct);
}
