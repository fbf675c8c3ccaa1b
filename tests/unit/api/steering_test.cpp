#include "server/api/steering.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "server/api/chat_request_reader.hpp"
#include "server/api/session_id.hpp"

using namespace sluice;
using namespace sluice::api;

namespace {

struct Said {
    std::string members{};
    std::map<std::string, std::string> headers{};
    std::string suffix{};
};

auto reading(Said const& said, auto const& read) {
    auto const body = R"({"model":"m","messages":[{"role":"user","content":"hi"}])" + said.members + "}";
    CAPTURE(body);
    auto chat = read_chat_request(body, {});
    REQUIRE(chat);
    chat->model_suffix = said.suffix;
    ChoiceHeaders headers;
    for (auto const& [name, value] : said.headers) headers.note(name, value);
    return read(*chat, headers);
}

Result<Steering> steering(Said const& said) { return reading(said, read_steering); }
SessionNames session(Said const& said) { return reading(said, read_session); }

PricePerMillion dollars(std::int64_t nano) { return {NanoUsd{nano}}; }

}  // namespace

TEST_CASE("a request that says nothing steers nothing", "[steering]") {
    CHECK(steering({}) == Steering());
    CHECK(steering({.members = R"(,"provider":null,"models":null,"route":null)"}) == Steering());
    CHECK(steering({.members = R"(,"route":"somebody else's word")"}) == Steering());
    CHECK(steering({.members = R"(,"provider":{"order":null,"new_word":1,"enforce_distillable_text":true})"}) ==
          Steering());
}

TEST_CASE("OpenRouter's preferences are understood", "[steering]") {
    auto const read =
        steering({.members = R"(,"models":["b","c:nitro","d:free"],"provider":{"order":["x","y/z"],"only":["x"],
        "ignore":["w"],"allow_fallbacks":false,"require_parameters":true,"sort":{"by":"latency","partition":"none"},
        "max_price":{"prompt":0.5,"completion":"1.25","image":9},"data_collection":"deny","zdr":true,
        "quantizations":["fp8"],"preferred_max_latency":1.5,"preferred_min_throughput":{"p50":20,"p90":0.5,"p99":null}})"});
    REQUIRE(read);
    CHECK(*read == Steering{.models = {"b", "c", "d:free"},
                            .order = {"x", "y/z"},
                            .only = {"x"},
                            .ignore = {"w"},
                            .allow_fallbacks = false,
                            .require_parameters = true,
                            .sort = SortBy::latency,
                            .pool_models = true,
                            .filter = {.quantizations = {"fp8"},
                                       .zero_retention = true,
                                       .no_training = true,
                                       .max_input_price = dollars(500'000'000),
                                       .max_output_price = dollars(1'250'000'000)},
                            .max_first_token_us = {1'500'000, 0, 0, 0, 0},
                            .min_tokens_per_second = {20, 0, 1, 0, 0}});
}

TEST_CASE("headers say the same, and say it last", "[steering]") {
    auto const read = steering({.members = R"(,"provider":{"sort":"price","order":["body"]})",
                                .headers = {{"X-Provider-Preferences", R"({"order":["json"],"only":["o"],"zdr":true})"},
                                            {"x-sluice-order", " a , b/c,, "},
                                            {"x-sluice-ignore", "i"},
                                            {"x-sluice-models", "m2,m3"},
                                            {"x-sluice-sort", "throughput"},
                                            {"x-sluice-max-price", "0.1, 2"}}});
    REQUIRE(read);
    CHECK(*read == Steering{.models = {"m2", "m3"},
                            .order = {"a", "b/c"},
                            .only = {"o"},
                            .ignore = {"i"},
                            .sort = SortBy::throughput,
                            .filter = {.zero_retention = true,
                                       .max_input_price = dollars(100'000'000),
                                       .max_output_price = dollars(2'000'000'000)}});
}

TEST_CASE("a suffix counts unless something more exact is said", "[steering]") {
    CHECK(steering({.suffix = ":nitro"})->sort == SortBy::throughput);
    CHECK(steering({.suffix = ":floor"})->sort == SortBy::price);
    CHECK(steering({.suffix = ":free"})->free_only);
    CHECK(steering({.members = R"(,"provider":{"sort":"latency"})", .suffix = ":nitro"})->sort == SortBy::latency);
    CHECK(suffix_of("a/b:nitro") == ":nitro");
    CHECK(suffix_of("llama3:8b").empty());
    CHECK(suffix_of(":free").empty());
}

TEST_CASE("a wrong value is refused by name", "[steering]") {
    auto const [members, param] = GENERATE(table<std::string, std::string>({
        {R"(,"provider":"openai")", "provider"},
        {R"(,"provider":{"order":"x"})", "provider.order"},
        {R"(,"provider":{"only":[1]})", "provider.only"},
        {R"(,"provider":{"ignore":[""]})", "provider.ignore"},
        {R"(,"provider":{"allow_fallbacks":"no"})", "provider.allow_fallbacks"},
        {R"(,"provider":{"sort":"fast"})", "provider.sort"},
        {R"(,"provider":{"sort":{"by":7}})", "provider.sort"},
        {R"(,"provider":{"sort":{"by":"price","partition":"x"}})", "provider.sort.partition"},
        {R"(,"provider":{"max_price":1})", "provider.max_price"},
        {R"(,"provider":{"max_price":{"prompt":-1}})", "provider.max_price.prompt"},
        {R"(,"provider":{"max_price":{"completion":"cheap"}})", "provider.max_price.completion"},
        {R"(,"provider":{"preferred_max_latency":0})", "provider.preferred_max_latency"},
        {R"(,"provider":{"preferred_min_throughput":{"p51":1}})", "provider.preferred_min_throughput"},
        {R"(,"provider":{"data_collection":true})", "provider.data_collection"},
        {R"(,"provider":{"zdr":1})", "provider.zdr"},
        {R"(,"models":"x")", "models"},
    }));
    CAPTURE(members);
    auto const read = steering({.members = members});
    REQUIRE_FALSE(read);
    CHECK(read.error().kind == ErrorKind::invalid_value);
    CHECK(read.error().param == param);
}

TEST_CASE("a wrong header is refused by name", "[steering]") {
    auto const [name, value] = GENERATE(table<std::string, std::string>({{"x-sluice-sort", "fast"},
                                                                         {"x-sluice-max-price", "a lot"},
                                                                         {"x-sluice-max-price", ","},
                                                                         {"x-provider-preferences", "{"},
                                                                         {"x-provider-preferences", "[]"}}));
    auto const read = steering({.headers = {{name, value}}});
    REQUIRE_FALSE(read);
    CHECK(read.error().param == name);
}

TEST_CASE("bounds outlive the right to steer", "[steering]") {
    Steering const all{
        .models = {"b"}, .only = {"x"}, .sort = SortBy::price, .free_only = true, .filter = {.zero_retention = true}};
    CHECK(bounds_of(all) == Steering{.free_only = true, .filter = {.zero_retention = true}});
}

TEST_CASE("the first name of a session counts", "[session]") {
    CHECK(session({}).session.empty());
    CHECK(session({.members = R"(,"prompt_cache_key":"k\u0031","session_id":"s")"}).session == "k1");
    CHECK(session({.members = R"(,"session_id":"s")"}).session == "s");
    CHECK(session({.members = R"(,"prompt_cache_key":"k")", .headers = {{"Session_Id", "codex"}}}).session == "codex");
    CHECK(session({.headers = {{"session-id", "b"}, {"X-Session-Affinity", "a"}}}).session == "a");
    CHECK(session({.headers = {{"x-claude-code-session-id", "c"}}}).session == "c");
    CHECK(session({.headers = {{"x-sluice-session", "mine"}, {"x-session-id", "b"}}}).session == "mine");
}

TEST_CASE("a session can be switched off, and a long name is none", "[session]") {
    Said off{.members = R"(,"user":"u","prompt_cache_key":"k")", .headers = {{"x-sluice-session", "none"}}};
    CHECK(session(off) == SessionNames());
    CHECK(session({.headers = {{"x-session-id", std::string(256, 'a')}}}).session.size() == 256);
    CHECK(session({.members = R"(,"session_id":"s")", .headers = {{"x-session-id", std::string(257, 'a')}}})
              .session.empty());
}

TEST_CASE("a user is kept apart from sessions", "[session]") {
    CHECK(session({.members = R"(,"user":"alice")"}) == SessionNames{.session = {}, .user = "user:alice"});
    CHECK(session({.members = R"(,"user":7)"}) == SessionNames());
}
