#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/pipeline/classifier_question.hpp"
#include "providers/openai/dialect.hpp"
#include "server/api/chat_request_reader.hpp"
#include "tests/unit/pipeline/fakes.hpp"

using namespace sluice;
using namespace sluice::testing;

/// A model asks another one how demanding each request is.
namespace {

std::string answer_of(std::string const& text) {
    nlohmann::json const message{{"role", "assistant"}, {"content", text}};
    nlohmann::json const choice{{"index", 0}, {"message", message}, {"finish_reason", "stop"}};
    return nlohmann::json{{"id", "c"},
                          {"object", "chat.completion"},
                          {"model", "small-1"},
                          {"choices", {choice}},
                          {"usage", {{"prompt_tokens", 100}, {"completion_tokens", 2}, {"total_tokens", 102}}}}
        .dump();
}

Scene says(std::string const& text) {
    auto const body = answer_of(text);
    return {.headers = {{"content-type", "application/json"}, {"content-length", std::to_string(body.size())}},
            .body = {{body}}};
}

/// Model "m": alpha/one for requests below 50, beta/two for the others; gamma/small says which.
struct Classifying {
    Classifying() {
        gateway.dialect = dialect.get();
        gateway.chat = *read_chat_request(body, {});
        gateway.settings.providers["gamma"].name = "gamma";
        gateway.settings.prices["gamma/small"] = {.input = {{1'000'000'000}}, .output = {{2'000'000'000}}};
        auto& model = gateway.settings.models[0];
        model.routes = {{.name = "m",
                         .policy = RoutePolicy::complexity,
                         .members = {{.index = 0}, {.index = 1}},
                         .thresholds = {50}}};
        model.classifier = ClassifierSettings{.target = {"gamma", "small"}};
        gateway.load();
    }
    Outcome const& ask(Scene classifier) { return gateway.ask({std::move(classifier), says("hello")}); }
    SeenCall const& call(std::size_t number) { return gateway.upstream.calls.at(number); }

    std::string body = R"({"model":"m","messages":[{"role":"user","content":"x"}]})";
    std::unique_ptr<Dialect> dialect = make_openai_dialect();
    Gateway gateway;
};

std::string text_seen(std::string const& messages, std::uint64_t room) {
    std::string const body = R"({"model":"m","messages":)" + messages + "}";
    auto const chat = *read_chat_request(body, {});
    auto const asked = nlohmann::json::parse(classifier_body(chat, room));
    std::string const text = asked["messages"][1]["content"];
    return text.substr(text.find("\n\n") + 2);
}

}  // namespace

TEST_CASE("what a classifier says chooses the target", "[pipeline][classifier]") {
    auto [said, provider] = GENERATE(table<char const*, char const*>(
        {{"90", "beta"}, {"5", "alpha"}, {"50", "beta"}, {" 49.\n", "alpha"}, {"Complexity: 90/100", "beta"}}));
    CAPTURE(said);
    Classifying world;
    auto const& outcome = world.ask(says(said));
    CHECK(outcome.status == 200);
    REQUIRE(world.gateway.upstream.calls.size() == 2);
    CHECK(world.call(0).provider == "gamma");
    CHECK(world.call(0).accept == "application/json");
    CHECK(world.call(1).provider == provider);
    CHECK(world.gateway.sink->header("x-sluice-provider") == provider);
    CHECK(world.gateway.sink->header("x-sluice-attempts") == "1");
}

TEST_CASE("a classifier gets a small request of ours", "[pipeline][classifier]") {
    Classifying world;
    world.ask(says("5"));
    auto const asked = nlohmann::json::parse(world.call(0).body);
    CHECK(asked["model"] == "small");
    CHECK(asked["temperature"] == 0);
    CHECK(asked["max_tokens"] == 16);
    CHECK_FALSE(asked.contains("stream"));
    CHECK(asked["messages"][0]["role"] == "system");
    CHECK(asked["messages"][1]["content"] == "Messages: 1, tools: 0. The last message:\n\nx");
    CHECK(world.call(0).deadline == world.gateway.clock.time + milliseconds(1'000));
}

TEST_CASE("what a classifier costs is part of the request, and it is no try at an answer", "[pipeline][classifier]") {
    Classifying world;
    auto const& outcome = world.ask(says("90"));
    REQUIRE(outcome.attempts.size() == 2);
    CHECK(outcome.attempts[0].classifies);
    CHECK(outcome.attempts[0].reason == "classifier");
    CHECK(outcome.attempts[0].target_model == "small");
    CHECK(outcome.attempts[0].result == AttemptResult::ok);
    CHECK(outcome.attempts[0].cost() == NanoUsd{104'000});
    CHECK_FALSE(outcome.attempts[1].classifies);
    CHECK(outcome.tries() == 1);
    CHECK(outcome.last_attempt() == &outcome.attempts[1]);
    CHECK(outcome.usage.input == 200);
    CHECK(outcome.cost == NanoUsd{208'000});
    CHECK(outcome.decision.find(R"("complexity":90)") != std::string::npos);
}

TEST_CASE("a request never fails by its classifier: its facts decide", "[pipeline][classifier]") {
    auto const hour = std::chrono::hours(1);
    auto const [name, scene, result] = GENERATE_COPY(table<char const*, Scene, AttemptResult>(
        {{"down", unreachable(), AttemptResult::connect},
         {"500", refused(500), AttemptResult::server_error},
         {"404", refused(404), AttemptResult::rejected},
         {"no JSON", {.headers = {{"content-type", "text/html"}}, .body = {{"<p>"}}}, AttemptResult::invalid},
         {"cut", {.headers = {{"content-type", "application/json"}}, .body = {{"{"}}}, AttemptResult::invalid},
         {"late head", {.head_after = hour}, AttemptResult::timeout},
         {"late body",
          {.headers = {{"content-type", "application/json"}}, .body = {{.bytes = "{", .after = hour}}},
          AttemptResult::timeout},
         {"no number", says("that depends"), AttemptResult::invalid},
         {"too large", says("4200"), AttemptResult::invalid},
         {"negative", says("-5"), AttemptResult::invalid},
         {"a share", says("0.9"), AttemptResult::invalid}}));
    CAPTURE(name);
    Classifying world;
    auto const began = world.gateway.clock.time;
    auto const& outcome = world.ask(scene);
    CHECK(outcome.status == 200);
    CHECK(world.gateway.sink->header("x-sluice-provider") == "alpha");
    REQUIRE(outcome.attempts.size() == 2);
    CHECK(outcome.attempts[0].result == result);
    CHECK(outcome.attempts[0].reason.starts_with("classifier; "));
    CHECK(world.gateway.clock.time - began <= milliseconds(1'000));
    CHECK(outcome.duration - outcome.upstream_time == Duration::zero());
}

TEST_CASE("a classifier that fails again and again is not asked any more", "[pipeline][classifier]") {
    Classifying world;
    for (int i = 0; i < 5; ++i) CHECK(world.ask(unreachable()).attempts.size() == 2);
    auto const& outcome = world.gateway.ask(says("hello"));
    CHECK(outcome.attempts.size() == 1);
    CHECK(outcome.status == 200);
    auto const breakers = world.gateway.health.breakers(world.gateway.clock.time);
    auto const own = std::ranges::find(breakers, "small (classifier)", &BreakerStatus::target_model);
    REQUIRE(own != breakers.end());
    CHECK(own->state == BreakerState::open);
}

TEST_CASE("a classifier that must not see a request is not asked", "[pipeline][classifier]") {
    Classifying world;
    auto& settings = world.gateway.settings;
    for (auto& target : settings.models[0].targets) target.traits.region = "eu";
    SECTION("by its model") { settings.models[0].require.regions = {"eu"}; }
    SECTION("by its key") { world.gateway.caller.require.regions = {"eu"}; }
    world.gateway.load();
    CHECK(world.gateway.ask(says("hello")).attempts.size() == 1);
    settings.models[0].classifier->target.traits.region = "eu";
    world.gateway.load();
    CHECK(world.ask(says("90")).attempts.size() == 2);
}

TEST_CASE("a client's own rules about providers hold for a classifier", "[pipeline][classifier]") {
    Classifying world;
    Steering steering;
    SECTION("that it ignores") { steering.ignore = {"gamma"}; }
    SECTION("that it wants alone") { steering.only = {"alpha", "beta"}; }
    SECTION("that it sorts by") { steering.sort = SortBy::price; }
    world.gateway.steering = steering;
    CHECK(world.gateway.ask(says("hello")).attempts.size() == 1);
}

TEST_CASE("a session keeps the complexity of its first request", "[pipeline][classifier]") {
    Classifying world;
    world.gateway.session = "s";
    CHECK(world.ask(says("90")).attempts.size() == 2);
    auto const& outcome = world.gateway.ask(says("hello"));
    CHECK(outcome.attempts.size() == 1);
    CHECK(outcome.attempts[0].provider == "beta");
}

TEST_CASE("a client that leaves while its classifier is asked gets no attempt", "[pipeline][classifier]") {
    Classifying world;
    world.gateway.turnstile.stop_at = GENERATE(1, 2, 3);
    auto const& outcome = world.ask(says("90"));
    CHECK(outcome.client_left);
    REQUIRE(outcome.attempts.size() == 1);
    CHECK(outcome.attempts[0].result == AttemptResult::cancelled);
    CHECK(outcome.last_attempt() == nullptr);
}

TEST_CASE("a classifier sees the last user message, cut between characters", "[pipeline][classifier]") {
    CHECK(text_seen(R"([{"role":"user","content":"a"},{"role":"user","content":"b"},
                        {"role":"assistant","content":"c"}])",
                    10) == "b");
    CHECK(text_seen(R"([{"role":"user","content":"Grüße"}])", 3) == "Gr");
    CHECK(text_seen(R"([{"role":"user","content":"Grüße"}])", 4) == "Grü");
    CHECK(text_seen(R"([{"role":"user","content":"\u4e2d\u6587"}])", 5) == "中");
    CHECK(text_seen(R"([{"role":"user","content":"a\ud83d\ude00"}])", 4) == "a");
    CHECK(text_seen(R"([{"role":"user","content":"a\"\n\\"}])", 3) == "a\"\n");
    CHECK(text_seen(R"([{"role":"user","content":[{"type":"text","text":"a"},
                        {"type":"image_url","image_url":{"url":"x"}},{"type":"text","text":"b"}]}])",
                    10) == "a\nb\n");
    CHECK(text_seen(R"([{"role":"system","content":"a"}])", 10).empty());
}
