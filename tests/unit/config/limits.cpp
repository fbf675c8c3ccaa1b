#include <catch2/catch.hpp>

#include "tests/unit/config/loading.hpp"

/// Keys, teams, limits and storage.
using namespace sluice;
using namespace sluice::config;
using namespace sluice::config::testing;

namespace {

using Words = std::vector<std::string>;
using Kind = LimitPeriod::Kind;

std::string const head = "version: 1\nproviders: { openai: { api_key: none } }\n";
std::string const any_model = head + "models: { '*': openai/* }\n";
LimitPeriod const minute{.kind = Kind::aligned, .length = std::chrono::seconds(60)};

Variables with_place(Variables more = {}) {
    more.try_emplace("KEY", "sk-canary-1234567890");
    more.try_emplace("SLUICE_DATA_DIR", "/data");
    return more;
}

Settings with_key(std::string const& keys) {
    return settings_of(any_model + "keys: [{ name: a, value: '${KEY}', " + keys + " }]\n", with_place());
}

LimitRule rule_of(Settings const& settings, PayerKind kind, std::string const& name) {
    for (auto const& rule : settings.limits)
        if (rule.kind == kind && rule.name == name) return rule;
    FAIL("no rule for " << name);
    return {};
}

}  // namespace

TEST_CASE("a key has as many windows as are written, all at once", "[config][limits]") {
    auto const settings = with_key(
        "rate: { rpm: 600, tpm: 1M, concurrent: 40, windows: [{ requests: 10k, per: day }, { tokens: 5M, per: 1h, "
        "rolling: true }, { requests: 5, tokens: 9, per: 10s }] }");
    auto const& limits = settings.keys.at(0).limits;
    CHECK(limits ==
          std::vector<Limit>{
              {.of = Resource::requests, .most = 600, .per = minute},
              {.of = Resource::tokens, .most = 1'000'000, .per = minute},
              {.of = Resource::concurrent, .most = 40},
              {.of = Resource::requests, .most = 10'000, .per = {.kind = Kind::day}},
              {.of = Resource::tokens,
               .most = 5'000'000,
               .per = {.kind = Kind::rolling, .length = std::chrono::hours(1)}},
              {.of = Resource::requests, .most = 5, .per = {.kind = Kind::aligned, .length = std::chrono::seconds(10)}},
              {.of = Resource::tokens, .most = 9, .per = {.kind = Kind::aligned, .length = std::chrono::seconds(10)}}});
    CHECK(rule_of(settings, PayerKind::key, "a").limits == limits);
}

TEST_CASE("a budget is exact, and a duration of it rolls", "[config][limits]") {
    auto const one = with_key("budget: { usd: 0.000000001, per: total }").keys.at(0).limits;
    CHECK(one == std::vector<Limit>{{.of = Resource::money, .most = 1, .per = {.kind = Kind::total}}});

    auto const several = with_key(
                             "budget: [{ usd: 5, per: day, warn_at: [80%, 50%, 80%], when_short: reject }, { usd: "
                             "12.5, per: month, unpriced: allow }, { usd: 0, per: 36h }]")
                             .keys.at(0)
                             .limits;
    CHECK(several ==
          std::vector<Limit>{
              {.of = Resource::money,
               .most = 5'000'000'000,
               .per = {.kind = Kind::day},
               .warn_at = {50, 80},
               .clamp = false},
              {.of = Resource::money, .most = 12'500'000'000, .per = {.kind = Kind::month}, .allow_unpriced = true},
              {.of = Resource::money, .most = 0, .per = {.kind = Kind::rolling, .length = std::chrono::hours(36)}}});
}

TEST_CASE("a team's models bound its keys', and its tags are theirs", "[config][limits]") {
    auto const settings = settings_of(head + R"(
models: { fast: openai/a, smart: openai/b, "gpt-*": openai/gpt-* }
teams:
  search: { description: Search, models: [fast, "gpt-*"], tags: { env: prod, site: a }, rate: { rpm: 9 } }
  empty:
keys:
  - { name: all, value: "${KEY}", team: search, tags: { site: b } }
  - { name: some, value: "${KEY}-2", team: search, models: [fast, gpt-5] }
  - { name: free, value: "${KEY}-3", team: empty, models: [smart] }
)");
    CHECK(settings.keys.at(0).caller.models == Words{"fast", "gpt-*"});
    CHECK(settings.keys.at(0).caller.tags == std::map<std::string, std::string>{{"env", "prod"}, {"site", "b"}});
    CHECK(settings.keys.at(1).caller.models == Words{"fast", "gpt-5"});
    CHECK(settings.keys.at(2).caller.models == Words{"smart"});
    CHECK(settings.keys.at(0).caller.id == "all");
    CHECK(settings.teams.at(0).limits == std::vector<Limit>{{.of = Resource::requests, .most = 9, .per = minute}});
    CHECK(rule_of(settings, PayerKind::team, "search").limits.size() == 1);
    CHECK_FALSE(settings.storage.enabled);
}

TEST_CASE("without `teams` a key's team is a word for reports", "[config][limits]") {
    CHECK(with_key("team: anything").keys.at(0).caller.team == "anything");
}

TEST_CASE("a key may be kept to endpoints and networks, and be disabled", "[config][limits]") {
    auto const key =
        with_key("endpoints: /v1/models, networks: [10.0.0.0/8, '2001:db8::/32', 192.0.2.7], disabled: true")
            .keys.at(0);
    CHECK(key.caller.endpoints == Words{"/v1/models"});
    CHECK(key.caller.networks == Words{"10.0.0.0/8", "2001:db8::/32", "192.0.2.7"});
    CHECK(key.disabled);
}

TEST_CASE("models, users, tags, providers and targets have limits", "[config][limits]") {
    auto const settings = settings_of(head.substr(0, 11) + R"(
providers: { openai: { api_key: none, limits: { rpm: 7 } }, vllm: { base_url: "http://h:1/v1" } }
models:
  a: { targets: [{ to: openai/1, limits: { tpm: 600k, budget: { usd: 1, per: day } } }, vllm/2], fallbacks: b }
  b: { targets: { to: openai/1, limits: { tpm: 600k, budget: { usd: 1, per: day } } } }
  "gpt-*": openai/gpt-*
limits:
  - { model: "gpt-*", budget: { usd: 100, per: day } }
  - { model: gpt-5, rate: { rpm: 1 } }
  - { user: "*", rate: { concurrent: 2 } }
  - { tag: { env: dev }, budget: [{ usd: 5, per: day }, { usd: 50, per: month }] }
  - { provider: vllm, rate: { windows: { requests: 1, per: week } } }
)",
                                      with_place());
    auto const count = [&settings](PayerKind kind, std::string const& name) {
        return rule_of(settings, kind, name).limits.size();
    };
    CHECK(count(PayerKind::model, "gpt-*") == 1);
    CHECK(count(PayerKind::model, "gpt-5") == 1);
    CHECK(rule_of(settings, PayerKind::user, "*").limits.at(0).of == Resource::concurrent);
    CHECK(count(PayerKind::tag, "env=dev") == 2);
    CHECK(rule_of(settings, PayerKind::provider, "vllm").limits.at(0).per.kind == Kind::week);
    CHECK(count(PayerKind::provider, "openai") == 1);
    CHECK(count(PayerKind::target, "openai/1") == 2);
    CHECK(settings.limits.size() == 7);
}

TEST_CASE("what is shown of limits is a configuration with the same effect", "[config][limits]") {
    auto const first = load_text(head.substr(0, 11) + R"(
providers: { openai: { api_key: none, limits: { rpm: 7, windows: [{ tokens: 1, per: 2h, rolling: true }] } } }
models: { a: { targets: [{ to: openai/1, limits: { budget: { usd: 0.5, per: day }, windows: { requests: 3, per: day } } }] } }
teams: { t: { models: a, budget: [{ usd: 5, per: 48h, warn_at: [5%] }, { usd: 100, per: total, unpriced: allow }] } }
limits: [{ user: "x*", rate: { rpm: 3 } }, { tag: { env: "*" }, budget: { usd: 3, per: week, when_short: reject } }]
storage: { database: "sqlite:///x/y.db", retention: { calls: 30d } }
)",
                                 with_place());
    REQUIRE(first.settings);
    auto const second = load_text(first.effective_yaml, with_place());
    CAPTURE(first.effective_yaml);
    CHECK(lines_of(second) == Words{});
    REQUIRE(second.settings);
    CHECK(second.settings->limits == first.settings->limits);
    CHECK(second.settings->storage.database == Secret("sqlite:///x/y.db"));
    CHECK(second.settings->storage.keep_calls == std::chrono::hours(720));
    CHECK(second.settings->hash == first.settings->hash);
}

TEST_CASE("a database is opened where something needs it", "[config][storage]") {
    auto const [what, yaml, opened] = GENERATE(table<char const*, char const*, bool>({
        {"nothing", "", false},
        {"keys", "keys: [{ name: a, value: '${KEY}' }]", false},
        {"a rate", "keys: [{ name: a, value: '${KEY}', rate: { rpm: 5 } }]", false},
        {"a budget", "keys: [{ name: a, value: '${KEY}', budget: { usd: 5, per: day } }]", true},
        {"storage", "storage: { if_unavailable: allow }", true},
        {"an admin token", "admin: { token: 'a-long-enough-token' }", true},
    }));
    CAPTURE(what);
    auto const storage = settings_of(any_model + yaml + "\n", with_place({{"DATABASE_URL", ""}})).storage;
    CHECK(storage.enabled == opened);
    CHECK(storage.database == (opened ? Secret("sqlite:///data/sluice.db") : Secret()));
}

TEST_CASE("the database is the file's, else the environment's, else a file in a usual place", "[config][storage]") {
    std::string const some = any_model + "storage: {}\n";
    auto const database = [](std::string const& yaml, Variables variables) {
        return std::string(settings_of(yaml, std::move(variables)).storage.database.expose());
    };
    std::string const url = "postgresql://u:secret@db/sluice";
    CHECK(database(any_model + "storage: { database: '${D:-}' }\n", with_place({{"D", url}})) == url);
    CHECK(database(any_model + "storage: { database: '${D:-}' }\n", with_place()) == "sqlite:///data/sluice.db");
    CHECK(database(some, with_place({{"DATABASE_URL", url}})) == url);
    CHECK(database(any_model, with_place({{"DATABASE_URL", url}})).empty());
    CHECK(database(some, {{"HOME", "/home/me"}}) == "sqlite:///home/me/.local/share/sluice/sluice.db");

    auto files = files_of({{"sluice.yaml", some}});
    files.may_write = [](std::string const& directory) { return directory == "/var/lib/sluice"; };
    auto const result =
        load({.path = "sluice.yaml", .environment = environment_of({{"HOME", "/home/me"}}), .files = files});
    REQUIRE(result.settings);
    CHECK(result.settings->storage.database == Secret("sqlite:///var/lib/sluice/sluice.db"));
}

TEST_CASE("the file says what replicas share, else the environment does", "[config][storage]") {
    std::string const url = "redis://r:6379";
    CHECK(settings_of(any_model + "storage: {}\n", with_place({{"REDIS_URL", url}})).storage.shared_state ==
          Secret(url));
    CHECK(settings_of(any_model + "storage: { shared_state: '${R:-}' }\n", with_place({{"REDIS_URL", url}}))
              .storage.shared_state.empty());
}

TEST_CASE("a database's password is shown nowhere", "[config][storage]") {
    auto const result = load_text(any_model + "storage: { database: 'postgresql://u:secret-1@db/x' }\n");
    CHECK(result.effective_yaml.contains("database: \"postgresql://***\""));
    CHECK_FALSE(result.effective_yaml.contains("secret-1"));
    auto const wrong = load_text(any_model + "storage: { database: 'mysql://u:secret-1@db/x' }\n");
    REQUIRE(wrong.problems.size() == 1);
    CHECK_FALSE(wrong.problems[0].excerpt.contains("secret-1"));
}

TEST_CASE("callers show keys where there can be keys", "[config][auth]") {
    auto const auth = [](std::string const& yaml) {
        return settings_of(any_model + yaml + "\n", with_place()).server.auth;
    };
    CHECK(auth("") == AuthMode::none);
    CHECK(auth("keys: [{ name: a, value: '${KEY}' }]") == AuthMode::keys);
    CHECK(auth("storage: {}\nserver: { listen: '0.0.0.0:1' }") == AuthMode::keys);
    CHECK(auth("storage: {}\nserver: { auth: none }") == AuthMode::none);
    CHECK(auth("limits: [{ user: '*', budget: { usd: 1, per: day } }]") == AuthMode::none);
    CHECK(auth("admin: { token: 'a-long-enough-token' }\nserver: { auth: keys, listen: '0.0.0.0:1' }") ==
          AuthMode::keys);
    CHECK(auth("server: { auth: none, unprotected: true, listen: '0.0.0.0:1' }") == AuthMode::none);
}

TEST_CASE("admin tokens are secrets, each for what it may do", "[config][admin]") {
    auto const result = load_text(any_model + R"(
admin:
  token: { env: KEY }
  tokens: [{ name: lead, token: "${KEY}-2", team: search }]
  warning_webhook: https://hooks.example/secret-path?sig=1
)",
                                  with_place());
    CHECK(lines_of(result) == Words{});
    REQUIRE(result.settings);
    auto const& admin = result.settings->admin;
    CHECK(admin.token == Secret("sk-canary-1234567890"));
    CHECK(admin.tokens.at(0).team == "search");
    CHECK(admin.warning_webhook == Secret("https://hooks.example/secret-path?sig=1"));
    CHECK_FALSE(result.effective_yaml.contains("secret-path"));
    CHECK_FALSE(result.effective_yaml.contains("canary"));
}
