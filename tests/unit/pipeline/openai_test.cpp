#include <catch2/catch.hpp>

#include "providers/openai/dialect.hpp"
#include "server/api/chat_request_reader.hpp"
#include "tests/unit/pipeline/fakes.hpp"

using namespace sluice;
using namespace sluice::testing;

/// The pipeline with the dialect that most upstreams speak.
namespace {

std::string const role =
    R"({"id":"c","model":"one-1","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})";
std::string const delta = R"({"id":"c","model":"one-1","choices":[{"index":0,"delta":{"content":"Grüße"}}]})";
std::string const last = R"({"id":"c","model":"one-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})";
std::string const usage =
    R"({"id":"c","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}})";

void speak_openai(Gateway& gateway, Dialect const& dialect) {
    gateway.dialect = &dialect;
    static std::string const body = R"({"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]})";
    gateway.chat = *read_chat_request(body, {});
}

std::vector<Say> cut(std::string const& bytes, std::size_t size) {
    std::vector<Say> pieces;
    for (std::size_t at = 0; at < bytes.size(); at += size) pieces.push_back({bytes.substr(at, size)});
    return pieces;
}

}  // namespace

TEST_CASE("an OpenAI stream cut anywhere reaches the client byte for byte, without the usage that it did not ask for",
          "[pipeline][openai]") {
    auto size = GENERATE(std::size_t{1}, 7, 100, 4096);
    CAPTURE(size);
    auto const dialect = make_openai_dialect();
    Gateway gateway;
    speak_openai(gateway, *dialect);
    auto const stream = ": PROCESSING\n\n" + events({role, delta, last, usage, "[DONE]"});
    auto const& outcome = gateway.ask(Scene{.body = cut(stream, size)});
    CHECK(gateway.sink->body == events({role, delta, last, "[DONE]"}));
    CHECK(gateway.upstream.calls.at(0).path == "/chat/completions");
    CHECK(gateway.upstream.calls.at(0).body.find(R"("model":"one")") != std::string::npos);
    CHECK(gateway.upstream.calls.at(0).body.find("include_usage") != std::string::npos);
    CHECK(outcome.usage.input == 7);
    CHECK(outcome.usage.output == 3);
    CHECK(outcome.finish_reason == "stop");
    CHECK(outcome.reported_model == "one-1");
}

TEST_CASE("an OpenAI stream that fails before its first content is replaced by the next target's",
          "[pipeline][openai]") {
    auto size = GENERATE(std::size_t{1}, 4096);
    auto body = GENERATE(as<std::string>(), events({R"({"error":{"message":"x","code":502}})"}),
                         events({role, R"({"error":{"message":"x","type":"server_error"}})"}), events({role}),
                         std::string(), events({role, "no JSON"}));
    CAPTURE(size, body);
    auto const dialect = make_openai_dialect();
    Gateway gateway;
    speak_openai(gateway, *dialect);
    auto const& outcome =
        gateway.ask({Scene{.body = cut(body, size)}, Scene{.body = cut(events({delta, last, "[DONE]"}), size)}});
    CHECK(gateway.sink->body == events({delta, last, "[DONE]"}));
    CHECK(outcome.attempts.size() == 2);
}

TEST_CASE("an OpenAI stream that is cut after its first content ends with an error event", "[pipeline][openai]") {
    auto size = GENERATE(std::size_t{1}, 4096);
    auto const dialect = make_openai_dialect();
    Gateway gateway;
    speak_openai(gateway, *dialect);
    auto const& outcome = gateway.ask(Scene{.body = cut(events({role, delta}) + "data: {\"id\"", size)});
    CHECK(gateway.sink->body.starts_with(events({role, delta}) + "data: {\"error\""));
    CHECK(gateway.sink->body.find("[DONE]") == std::string::npos);
    CHECK(outcome.error->kind == ErrorKind::stream_interrupted);
    CHECK(outcome.usage.source == UsageSource::estimated);
}

TEST_CASE("an OpenAI answer and an OpenAI error object", "[pipeline][openai]") {
    auto const dialect = make_openai_dialect();
    Gateway gateway;
    speak_openai(gateway, *dialect);
    gateway.chat.stream = false;
    std::string const answer =
        R"({"model":"one-1","choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}],)"
        R"("usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}})";
    Headers const json{{"content-type", "application/json"}};
    Scene const error{.headers = json, .body = {{R"({"error":{"message":"busy","code":503}})"}}};
    auto const& outcome = gateway.ask({error, Scene{.headers = json, .body = cut(answer, 10)}});
    CHECK(gateway.sink->body == answer);
    CHECK(outcome.attempts.size() == 2);
    CHECK(outcome.usage.output == 3);
}

TEST_CASE("what the provider says that it charges is the cost, and ours is known beside it", "[pipeline][openai]") {
    auto const stream = GENERATE(true, false);
    auto const [says, cost] =
        GENERATE(table<std::string, std::int64_t>({{R"(,"cost":0.0001)", 100'000}, {"", 13'000}}));
    CAPTURE(stream, says);
    auto const dialect = make_openai_dialect();
    Gateway gateway;
    speak_openai(gateway, *dialect);
    gateway.chat.stream = stream;
    auto const counts = R"("usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10)" + says + "}}";
    auto const whole =
        R"({"model":"one-1","choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}],)" + counts;
    auto const events_of_it = events({delta, last, R"({"id":"c","choices":[],)" + counts, "[DONE]"});
    auto const& outcome =
        stream ? gateway.ask(Scene{.body = {{events_of_it}}})
               : gateway.ask(Scene{.headers = {{"content-type", "application/json"}}, .body = {{whole}}});
    REQUIRE(outcome.cost);
    CHECK(outcome.cost->count == cost);
    REQUIRE(outcome.sheet_cost);
    CHECK(outcome.sheet_cost->count == 13'000);
    CHECK(outcome.usage.reported_cost.has_value() == !says.empty());
    CHECK(outcome.attempts.at(0).sheet_cost == outcome.sheet_cost);
    if (!stream) CHECK(gateway.sink->header("x-sluice-cost-usd") == (says.empty() ? "0.000013" : "0.0001"));
}

TEST_CASE("thoughts between marks are split where the provider's profile has them for the model",
          "[pipeline][openai]") {
    auto const dialect = make_openai_dialect();
    Gateway gateway;
    speak_openai(gateway, *dialect);
    auto const models = GENERATE(as<std::string>(), "on*", "other");
    gateway.settings.providers["alpha"].reasoning_tags = {{.models = {models}, .open = "<think>", .close = "</think>"}};
    gateway.load();
    gateway.ask(Scene{
        .body = {{events({R"({"choices":[{"index":0,"delta":{"content":"<think>a</think>b"}}]})", last, "[DONE]"})}}});
    bool const is_split = gateway.sink->body.find(R"("reasoning_content":"a","content":"b")") != std::string::npos;
    CHECK(is_split == (models == "on*"));
}

TEST_CASE("an OpenAI stream that is cut after its first content goes on at a target that continues texts",
          "[pipeline][openai][continuation]") {
    auto size = GENERATE(std::size_t{1}, 4096);
    auto const dialect = make_openai_dialect();
    Gateway gateway;
    speak_openai(gateway, *dialect);
    auto& model = gateway.settings.models[0];
    model.continue_after_cut = true;
    model.targets[1].traits.has.add(Capability::continues_assistant);
    gateway.settings.providers["beta"].continue_message_members = {{"prefix", "true"}};
    gateway.load();
    auto const other = [](std::string const& members, std::string const& finish) {
        return R"({"id":"d","model":"two-1","choices":[{"index":0,"delta":)" + members + R"(,"finish_reason":)" +
               finish + "}]}";
    };
    auto const second =
        events({other(R"({"role":"assistant","content":""})", "null"), other(R"({"content":"Grüße"})", "null"),
                other(R"({"content":" aus"})", "null"), other("{}", R"("stop")"), usage, "[DONE]"});
    auto const& outcome =
        gateway.ask({Scene{.body = cut(events({role, delta}), size)}, Scene{.body = cut(second, size)}});
    std::string const frame = R"({"id":"c","object":"chat.completion.chunk","created":0,"model":"one-1","choices":)";
    CHECK(gateway.sink->body ==
          events({role, delta, frame + R"([{"index":0,"delta":{"content":" aus"},"finish_reason":null}]})",
                  frame + R"([{"index":0,"delta":{},"finish_reason":"stop"}]})", "[DONE]"}));
    REQUIRE(gateway.upstream.calls.size() == 2);
    auto const& body = gateway.upstream.calls[1].body;
    CHECK(body.find(R"({"role":"user","content":"x"},{"role":"assistant","content":"Grüße","prefix":true}])") !=
          std::string::npos);
    CHECK(outcome.status == 200);
    CHECK(outcome.attempts.at(0).usage.source == UsageSource::estimated);
    CHECK(outcome.attempts.at(1).usage.input == 7);
    CHECK(outcome.usage.source == UsageSource::estimated);
}
