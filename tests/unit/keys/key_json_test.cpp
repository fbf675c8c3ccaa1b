#include "server/keys/key_json.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "config/written_json.hpp"

using namespace sluice;
using namespace sluice::keys;

namespace {

std::string const full =
    R"({"name":"ci","team":"search","models":["fast","gpt-*"],"rate":{"rpm":600,"tpm":1000000,)"
    R"("concurrent":40,"windows":[{"requests":10000,"per":"day"},)"
    R"({"tokens":5000000,"per":"1h","rolling":true}]},"budget":[{"usd":0.000000001,"per":"day",)"
    R"("warn_at":["50%","80%"],"when_short":"reject"},{"usd":12.5,"per":"36h","unpriced":"allow"}],)"
    R"("expires":"2027-01-31T12:00:00Z","disabled":true,"tags":{"env":"pr$od"},)"
    R"("endpoints":["/v1/models"],"networks":["10.0.0.0/8"],"may_steer":false,)"
    R"("may_bring_keys":true,"require":{"regions":["eu"],"max_input_price":0.0375}})";

std::string fault_of(std::string const& json) {
    auto const key = read_key(json);
    if (key) return "";
    return key.error().param.str() + ": " + key.error().message.str();
}

}  // namespace

TEST_CASE("what is written of a key is read back as it was", "[keys]") {
    auto const key = read_key(full);
    REQUIRE(key);
    CHECK(key->caller.tags.at("env") == "pr$od");
    CHECK(key->limits.size() == 7);
    CHECK(key->limits.at(5).most == 1);
    auto const json = to_json(*key);
    CHECK(json == Json::parse(full));
    auto const again = read_key(json.dump());
    REQUIRE(again);
    CHECK(again->limits == key->limits);
    CHECK(to_json(*again) == json);
}

TEST_CASE("budgets survive JSON to the last billionth", "[keys]") {
    auto const nano = GENERATE(0LL, 1LL, 7LL, 10LL, 123'456'789LL, 1'000'000'001LL, 99'999'999'999'999LL,
                               123'456'789'012'345LL, 1'000'000'000'000'000'000LL);
    KeySettings key;
    key.caller.name = "a";
    key.limits = {{.of = Resource::money, .most = nano, .per = {.kind = LimitPeriod::Kind::month}}};
    auto const text = to_json(key).dump();
    CAPTURE(text);
    CHECK(read_key(text).value().limits == key.limits);
}

TEST_CASE("a plain key is short", "[keys]") {
    auto const key = read_key(R"({"name":"a","team":null,"budget":null})");
    REQUIRE(key);
    CHECK(to_json(*key).dump() == R"({"name":"a"})");
    CHECK(settings_json(*key) == "{}");
}

TEST_CASE("what is wrong in JSON is said by the words of the configuration", "[keys]") {
    CHECK(fault_of("[]") == ": the body must be a JSON object");
    CHECK(fault_of("{") == ": the body must be a JSON object");
    CHECK(fault_of("{}") == ": `name` is missing, for example `name: search`");
    CHECK(fault_of(R"({"name":"a","modles":[]})").starts_with("modles: unknown key `modles`; did you mean `models`?"));
    CHECK(fault_of(R"({"name":"a","value":"x"})").starts_with("value: unknown key `value`"));
    CHECK(fault_of(R"({"name":"a","hash":"x"})").starts_with("hash: unknown key `hash`"));
    CHECK(fault_of(R"({"name":"a","budget":{"usd":"much","per":"day"}})") ==
          "budget.usd: `much` is not an amount: write US dollars, like 5 or 0.25");
    CHECK(fault_of(R"({"name":"a","budget":{"usd":-1,"per":"day"}})").starts_with("budget.usd: `-1` is not an amount"));
    CHECK(fault_of(R"({"name":"a","budget":[{"usd":1,"per":"day"},{"usd":2,"per":"day"}]})") ==
          "budget[1]: a budget for the same time stands here already");
    CHECK(fault_of(R"({"name":"a","rate":{"rpm":1.5}})").starts_with("rate.rpm: `1.5` is not a count"));
    CHECK(fault_of(R"({"name":"a","rate":[]})") == "rate: `rate` must be a map");
    CHECK(fault_of(R"({"name":"a","models":[]})") ==
          "models: `models` is empty: leave it out to allow all, or name some");
    CHECK(fault_of(R"({"name":"a*"})") == "name: a key's name can't hold `*`");
    CHECK(fault_of(R"({"name":"k_a"})").starts_with("name: a key's name can't begin"));
    CHECK(fault_of(R"({"name":"a","name":"b"})") == "name: `name` stands twice");
    CHECK(fault_of(R"({"name":{"a":1}})") == "name: `name` must be a single value");
    CHECK(fault_of(R"({"name":"a","tags":)" + std::string(40, '[') + std::string(40, ']') + "}") ==
          ": the body is nested too deeply");
}

TEST_CASE("nothing in JSON reaches the environment or a file", "[keys]") {
    auto const key = read_key(R"({"name":"${HOME}","tags":{"a":"$$","b":"${X:-y}"}})");
    REQUIRE(key);
    CHECK(key->caller.name == "${HOME}");
    CHECK(key->caller.tags == std::map<std::string, std::string>{{"a", "$$"}, {"b", "${X:-y}"}});
    CHECK(fault_of(R"({"name":{"file":"/etc/passwd"}})") == "name: `name` must be a single value");
}

TEST_CASE("models that a key names must be there", "[keys]") {
    Settings settings;
    settings.models.resize(2);
    settings.models[0].name = "fast";
    settings.models[1].name = "gpt-*";
    CHECK(config::check_written_models({"fast", "gpt-5", "gpt-*"}, settings).empty());
    auto const faults = config::check_written_models({"fast", "fats"}, settings);
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].path == "models[1]");
    CHECK(faults[0].message == "`fats` is no model's name; did you mean `fast`?");
}

TEST_CASE("a stored key is the key that was written", "[keys]") {
    auto const key = read_key(full).value();
    store::StoredKey stored{.id = "k_new", .name = "ci", .sha256_hex = "abc", .settings_json = settings_json(key)};
    stored.expires = WallTime(std::chrono::milliseconds(1'700'000'000'500));
    auto const back = to_settings(stored);
    REQUIRE(back);
    CHECK(back->caller.id == "k_new");
    CHECK(back->caller.models == key.caller.models);
    CHECK(back->limits == key.limits);
    CHECK(back->sha256_hex == "abc");
    CHECK_FALSE(back->disabled);
    CHECK(back->expires == std::chrono::sys_seconds(std::chrono::seconds(1'700'000'000)));
    stored.replaces = "k_first";
    CHECK(to_settings(stored)->caller.id == "k_first");
    stored.settings_json = R"({"of":"a later version"})";
    CHECK_FALSE(to_settings(stored));
}

TEST_CASE("a patch replaces whole members, and null takes them away", "[keys]") {
    auto const json = Json::parse(R"({"name":"a","rate":{"rpm":1,"tpm":2},"disabled":true})");
    CHECK(patched(json, R"({"rate":{"rpm":3},"disabled":null})").value() == R"({"name":"a","rate":{"rpm":3}})");
    CHECK_FALSE(patched(json, "[]"));
}

TEST_CASE("a team is read and written like its keys", "[keys]") {
    std::string const text = R"({"name":"search","description":"d","models":["fast"],"rate":{"rpm":9},)"
                             R"("budget":[{"usd":500.0,"per":"month","warn_at":["50%"]}],"tags":{"env":"prod"}})";
    auto const team = read_team(text);
    REQUIRE(team);
    CHECK(to_json(*team) == Json::parse(text));
    CHECK_FALSE(read_team(R"({"name":"a","value":"x"})"));
    CHECK_FALSE(read_team(R"({"models":["fast"]})"));
}

TEST_CASE("the schema of what is written knows no variables", "[keys]") {
    auto const schema = Json::parse(config::written_schema(config::written_key_section()));
    CHECK(schema["additionalProperties"] == false);
    CHECK(schema["properties"].contains("rate"));
    CHECK_FALSE(schema["properties"].contains("hash"));
    CHECK(schema.dump().find("$ref") == std::string::npos);
}
