#include "tests/unit/admin/admin_fixture.hpp"

using namespace sluice;
using namespace sluice::admin;
using namespace sluice::admin::testing;

TEST_CASE("a key is made, shown, changed, rotated and removed", "[admin]") {
    Fixture fixture;
    auto const made = fixture.json("POST", "/admin/keys", R"({"name":"ci","budget":{"usd":5,"per":"day"}})");
    auto const text = made["key"].get<std::string>();
    CHECK(text.starts_with("sk-sluice-"));
    CHECK(made["state"] == "active");
    CHECK(made["created"] == "2027-01-15T08:00:00Z");
    CHECK(made["budget"][0]["usd"] == 5.0);
    auto const id = made["id"].get<std::string>();

    auto const shown = fixture.json("GET", "/admin/keys/ci");
    CHECK_FALSE(shown.contains("key"));
    CHECK(shown["prefix"] == text.substr(0, 16));
    CHECK(fixture.json("GET", "/admin/keys/" + id) == shown);

    CHECK(fixture.json("PATCH", "/admin/keys/" + id, R"({"disabled":true})")["state"] == "disabled");
    CHECK(fixture.live.cut.empty());
    CHECK(fixture.json("PATCH", "/admin/keys/" + id + "?cut=true", R"({"disabled":false})")["cut"] == 3);
    CHECK(fixture.live.cut == std::vector<std::string>{id});

    auto const next = fixture.json("POST", "/admin/keys/ci/rotate", R"({"overlap":"1h"})");
    CHECK(next["name"] == "ci");
    CHECK(next["account"] == id);
    CHECK(next["key"] != text);
    auto const old = fixture.json("GET", "/admin/keys/" + id);
    CHECK(old["expires"] == "2027-01-15T09:00:00Z");
    CHECK(old["name"] == "ci (" + id + ")");

    auto const list = fixture.json("GET", "/admin/keys")["keys"];
    CHECK(list.size() == 3);
    CHECK(list[0]["source"] == "configuration");
    CHECK(list.dump().find(text) == std::string::npos);
    CHECK(fixture.json("DELETE", "/admin/keys/ci?cut=true")["deleted"] == true);
    CHECK(fixture.ask("GET", "/admin/keys/ci").status == 404);
    CHECK(fixture.ask("DELETE", "/admin/keys/fixed").status == 409);
    CHECK(fixture.ask("POST", "/admin/keys", R"({"name":"fixed"})").status == 409);
}

TEST_CASE("names with strange letters are paths, too", "[admin]") {
    Fixture fixture;
    fixture.json("POST", "/admin/keys", R"({"name":"a/b c%"})");
    CHECK(fixture.json("GET", "/admin/keys/a%2Fb%20c%25")["name"] == "a/b c%");
    CHECK(fixture.ask("GET", "/admin/keys/a/b").status == 404);
}

TEST_CASE("a team's lead sees and does what is the team's", "[admin]") {
    Fixture fixture;
    fixture.json("POST", "/admin/keys", R"({"name":"other"})");
    CHECK(fixture.json("GET", "/admin/keys", "", lead)["keys"].empty());
    CHECK(fixture.json("POST", "/admin/keys", R"({"name":"search-ci"})", lead)["team"] == "search");
    CHECK(fixture.json("GET", "/admin/keys", "", lead)["keys"].size() == 1);
    CHECK(fixture.ask("GET", "/admin/keys/other", "", lead).status == 404);
    CHECK(fixture.ask("DELETE", "/admin/keys/other", "", lead).status == 404);
    CHECK(fixture.ask("POST", "/admin/keys", R"({"name":"search-x","models":["smart"]})", lead).status == 403);
    CHECK(fixture.ask("POST", "/admin/teams", R"({"name":"mine"})", lead).status == 403);
    fixture.json("POST", "/admin/teams", R"({"name":"ads"})");
    CHECK(fixture.json("GET", "/admin/teams", "", lead)["teams"].size() == 1);
    CHECK(fixture.ask("GET", "/admin/teams/ads", "", lead).status == 404);
    CHECK(fixture.json("GET", "/admin/requests", "", lead)["requests"].size() == 1);
    CHECK(fixture.ask("DELETE", "/admin/requests/r2", "", lead).status == 404);
    CHECK(fixture.live.cut.empty());
    CHECK(fixture.json("DELETE", "/admin/requests/r1", "", lead)["cut"] == 1);
    CHECK(fixture.ask("POST", "/admin/reload", "", lead).status == 403);
}

TEST_CASE("teams are made, changed and removed over the API", "[admin]") {
    Fixture fixture;
    CHECK(fixture.json("POST", "/admin/teams", R"({"name":"ads","rate":{"rpm":5}})")["source"] == "database");
    CHECK(fixture.json("PATCH", "/admin/teams/ads", R"({"rate":null,"models":["fast"]})")["models"][0] == "fast");
    CHECK_FALSE(fixture.json("GET", "/admin/teams/ads").contains("rate"));
    CHECK(fixture.ask("PATCH", "/admin/teams/search", "{}").status == 409);
    CHECK(fixture.json("DELETE", "/admin/teams/ads")["deleted"] == true);
}

TEST_CASE("limits are shown exactly, and to whom they concern", "[admin]") {
    Fixture fixture;
    Limit const money{
        .of = Resource::money,
        .most = 5'000'000'001,
        .per = {.kind = LimitPeriod::Kind::aligned, .length = std::chrono::hours(1)},
    };
    Limit const rolling{
        .of = Resource::tokens,
        .most = 9,
        .per = {.kind = LimitPeriod::Kind::rolling, .length = std::chrono::hours(1)},
    };
    Payer const search{.kind = PayerKind::team, .name = "search"};
    LimitBook book;
    book.configure({{.kind = search.kind, .name = search.name, .limits = {money}},
                    {.kind = PayerKind::key, .name = "fixed", .limits = {rolling}},
                    {.kind = PayerKind::user, .name = "u", .limits = {{.of = Resource::concurrent, .most = 2}}}});
    Amounts used;
    used[Resource::money] = 1;
    book.reserve({book.find(search)}, {}, now).value().settle(used, now);
    used[Resource::money] = 2;
    auto const held = book.reserve({book.find(search)}, used, now);
    fixture.parts.limits = &book;
    auto const all = fixture.json("GET", "/admin/limits")["limits"];
    REQUIRE(all.size() == 3);
    CHECK(all[1]["settled"] == 1);
    CHECK(all[1]["reserved"] == 2);
    CHECK(all[1]["most"] == 5'000'000'001);
    CHECK(all[1]["usd"]["most"] == 5.000000001);
    CHECK(all[1]["resets_at"] == "2027-01-15T09:00:00Z");
    CHECK(all[0]["per"] == "1h");
    CHECK(all[0]["rolling"] == true);
    CHECK(all[0]["key"] == "fixed");
    CHECK_FALSE(all[2].contains("per"));
    CHECK(fixture.json("GET", "/admin/limits", "", lead)["limits"].size() == 1);
    CHECK(fixture.json("GET", "/admin/limits?kind=user")["limits"].size() == 1);
    CHECK(fixture.json("GET", "/admin/limits?name=fixed")["limits"].size() == 1);
    CHECK(fixture.ask("GET", "/admin/limits?kind=people").status == 400);
}

TEST_CASE("requests under way, explain and reload are passed on", "[admin]") {
    Fixture fixture;
    auto const requests = fixture.json("GET", "/admin/requests")["requests"];
    CHECK(requests.size() == 2);
    CHECK(requests[0]["age_ms"] == 2000);
    CHECK(fixture.ask("DELETE", "/admin/requests/r3").status == 404);
    CHECK(fixture.json("POST", "/admin/explain", R"({"model":"fast"})").contains("order"));
    CHECK(fixture.json("POST", "/admin/reload")["hash"] == "abc");
    fixture.parts.reload = [] {
        return Result<std::string>(std::unexpected(Error{.detail = "sluice.yaml:3:1: error: no"}));
    };
    auto const refused = fixture.ask("POST", "/admin/reload");
    CHECK(refused.status == 409);
    CHECK(Json::parse(refused.body)["error"]["message"] ==
          "the new configuration is not used: sluice.yaml:3:1: error: no");
}

TEST_CASE("while the database is down the API says so", "[admin]") {
    Fixture fixture;
    fixture.store.set_down(true);
    CHECK(fixture.ask("POST", "/admin/keys", R"({"name":"a"})").status == 503);
    CHECK(fixture.json("GET", "/admin/keys")["keys"].size() == 1);
}
