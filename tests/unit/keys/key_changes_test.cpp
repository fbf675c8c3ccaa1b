#include "server/keys/key_changes.hpp"

#include <catch2/catch.hpp>

#include "config/text.hpp"
#include "server/keys/key_json.hpp"
#include "server/keys/key_text.hpp"
#include "tests/unit/keys/fake_key_store.hpp"

using namespace sluice;
using namespace sluice::keys;
using namespace std::chrono_literals;

namespace {

WallTime const now{std::chrono::milliseconds(1'800'000'000'000)};
Grantor const admin{.name = "admin", .all = true};
Grantor const lead{.name = "lead", .team = "search"};

struct Fixture {
    Settings settings;
    testing::FakeKeyStore store;
    KeyDirectory directory{&store};
    KeyChanges changes{store, directory};

    Fixture() {
        for (char const* const name : {"fast", "smart"}) settings.models.emplace_back().name = name;
        settings.keys.push_back(
            {.caller = {.id = "fixed", .name = "fixed", .team = "search"}, .sha256_hex = "f", .expires = {}});
        settings.teams.push_back({.name = "search", .models = {"fast"}});
        directory.adopt(settings, directory.preview(settings).value());
    }
    Result<NewKey> create(std::string_view json, Grantor const& who = admin) {
        return changes.create(who, json, settings, now);
    }
    Result<store::StoredKey> change(std::string_view key, std::string_view patch, Grantor const& who = admin) {
        return changes.change(who, key, patch, settings);
    }
    KeySettings in_force(std::string_view name) {
        auto const view = directory.view();
        for (auto const& key : view->keys)
            if (key.caller.name == name) return key;
        FAIL("no key " << name);
        return {};
    }
};

template <class T>
int status(Result<T> const& result) {
    return result ? 200 : status_of(result.error());
}

}  // namespace

TEST_CASE("a new key is told once; only its hash is kept", "[keys]") {
    Fixture fixture;
    auto const made = fixture.create(R"({"name":"ci","models":["fast"],"budget":{"usd":5,"per":"day"}})");
    REQUIRE(made);
    auto const text = made->text.expose();
    CHECK(is_key_text(text));
    CHECK(made->stored.prefix == shown_prefix(text));
    CHECK(made->stored.sha256_hex == config::sha256_hex(text));
    CHECK(made->stored.created == now);
    CHECK(fixture.in_force("ci").sha256_hex == made->stored.sha256_hex);
    CHECK(fixture.in_force("ci").caller.id == made->stored.id);
    auto const kept = fixture.store.keys().value().at(0);
    CHECK((kept.id + kept.name + kept.settings_json).find(std::string(text)) == std::string::npos);
}

TEST_CASE("names are unique among all keys, wherever they are written", "[keys]") {
    Fixture fixture;
    REQUIRE(fixture.create(R"({"name":"ci"})"));
    CHECK(status(fixture.create(R"({"name":"ci"})")) == 409);
    CHECK(status(fixture.create(R"({"name":"fixed"})")) == 409);
    CHECK(status(fixture.create(R"({"name":"other","team":"nobody"})")) == 400);
    CHECK(status(fixture.create(R"({"name":"other","models":["fats"]})")) == 400);
    REQUIRE(fixture.create(R"({"name":"other"})"));
    CHECK(status(fixture.change("other", R"({"name":"ci"})")) == 409);
    CHECK(status(fixture.change("other", R"({"name":"another"})")) == 200);
    CHECK(status(fixture.change("other", "{}")) == 404);
}

TEST_CASE("a change is in force at once", "[keys]") {
    Fixture fixture;
    auto const id = fixture.create(R"({"name":"ci","rate":{"rpm":1,"tpm":2}})").value().stored.id;
    REQUIRE(fixture.change(id, R"({"disabled":true,"rate":{"rpm":3}})"));
    CHECK(fixture.in_force("ci").disabled);
    CHECK(fixture.in_force("ci").limits.size() == 1);
    REQUIRE(fixture.change("ci", R"({"disabled":false,"rate":null,"expires":"2030-01-01"})"));
    CHECK_FALSE(fixture.in_force("ci").disabled);
    CHECK(fixture.in_force("ci").limits.empty());
    CHECK(fixture.in_force("ci").expires.has_value());
    CHECK(status(fixture.change("ci", R"({"colour":"red"})")) == 400);
    REQUIRE(fixture.changes.remove(admin, "ci"));
    CHECK(status(fixture.changes.remove(admin, "ci")) == 404);
}

TEST_CASE("the file's keys are changed in the file", "[keys]") {
    Fixture fixture;
    CHECK(status(fixture.change("fixed", "{}")) == 409);
    CHECK(status(fixture.changes.remove(admin, "fixed")) == 409);
    CHECK(status(fixture.changes.rotate(admin, "fixed", 0s, now)) == 409);
    CHECK(status(fixture.changes.remove_team(admin, "search")) == 409);
    CHECK(status(fixture.changes.change_team(admin, "search", "{}", fixture.settings)) == 409);
}

TEST_CASE("after a rotation both keys are good, for a while, and count as one", "[keys]") {
    Fixture fixture;
    auto const first = fixture.create(R"({"name":"ci","models":["fast"],"rate":{"rpm":1}})").value();
    auto const second = fixture.changes.rotate(admin, "ci", 24h, now);
    REQUIRE(second);
    CHECK(second->text != first.text);
    CHECK(second->stored.name == "ci");
    CHECK(second->stored.id != first.stored.id);
    auto const fresh = fixture.in_force("ci");
    auto const old = fixture.in_force("ci (" + first.stored.id + ")");
    CHECK(fresh.sha256_hex == second->stored.sha256_hex);
    CHECK_FALSE(fresh.expires);
    CHECK(old.sha256_hex == first.stored.sha256_hex);
    CHECK(old.expires == std::chrono::floor<std::chrono::seconds>(now + 24h));
    CHECK(fresh.caller.id == first.stored.id);
    CHECK(old.caller.id == first.stored.id);
    auto const third = fixture.changes.rotate(admin, "ci", 0s, now + 1h);
    REQUIRE(third);
    CHECK(fixture.in_force("ci").caller.id == first.stored.id);
    CHECK(fixture.directory.view()->limits.size() == 1);
    REQUIRE(fixture.change("ci", R"({"disabled":true})"));
    CHECK(status(fixture.changes.rotate(admin, "ci", 0s, now)) == 409);
}

TEST_CASE("a rotation does not prolong a key that expires earlier", "[keys]") {
    Fixture fixture;
    auto const made = fixture.create(R"({"name":"ci","expires":"2027-01-15T08:10:00Z"})").value();
    REQUIRE(made.stored.expires);
    REQUIRE(*made.stored.expires < now + 24h);
    REQUIRE(fixture.changes.rotate(admin, "ci", 24h, now));
    auto const old = fixture.in_force("ci (" + made.stored.id + ")");
    CHECK(WallTime(*old.expires) == *made.stored.expires);
}

TEST_CASE("a team's lead manages that team's keys, and sees no others", "[keys][grant]") {
    Fixture fixture;
    REQUIRE(fixture.create(R"({"name":"theirs"})"));
    REQUIRE(fixture.create(R"({"name":"strong","team":"search","may_bring_keys":true})"));
    auto const own = fixture.create(R"({"name":"search-ci"})", lead);
    REQUIRE(own);
    CHECK(fixture.in_force("search-ci").caller.team == "search");
    CHECK(status(fixture.create(R"({"name":"search-b","models":["smart"]})", lead)) == 403);
    CHECK(status(fixture.create(R"({"name":"search-b","team":"ads"})", lead)) == 403);
    CHECK(status(fixture.create(R"({"name":"free"})", lead)) == 403);
    CHECK(status(fixture.change("theirs", R"({"disabled":true})", lead)) == 404);
    CHECK(status(fixture.changes.remove(lead, "theirs")) == 404);
    CHECK(status(fixture.changes.rotate(lead, "theirs", 0s, now)) == 404);
    CHECK(status(fixture.change("search-ci", R"({"team":null})", lead)) == 403);
    CHECK(status(fixture.change("search-ci", R"({"models":["smart"]})", lead)) == 403);
    CHECK(status(fixture.change("search-ci", R"({"may_bring_keys":true})", lead)) == 403);
    // A key with more rights than the lead has: the lead may end it, not use it.
    CHECK(status(fixture.changes.rotate(lead, "strong", 0s, now)) == 403);
    CHECK(status(fixture.change("strong", R"({"rate":{"rpm":1}})", lead)) == 403);
    CHECK(status(fixture.change("strong", R"({"disabled":true})", lead)) == 200);
    CHECK(status(fixture.change("strong", R"({"disabled":false})", lead)) == 403);
    CHECK(status(fixture.changes.remove(lead, "strong")) == 200);
    CHECK(status(fixture.changes.create_team(lead, R"({"name":"mine"})", fixture.settings, now)) == 403);
    CHECK(status(fixture.changes.change_team(lead, "search", R"({"models":["smart"]})", fixture.settings)) == 403);
    CHECK(status(fixture.changes.remove_team(lead, "search")) == 403);
}

TEST_CASE("teams are made, changed and removed", "[keys]") {
    Fixture fixture;
    auto const create = [&fixture](std::string_view json) {
        return status(fixture.changes.create_team(admin, json, fixture.settings, now));
    };
    CHECK(create(R"({"name":"ads","models":["smart"]})") == 200);
    CHECK(create(R"({"name":"ads"})") == 409);
    CHECK(create(R"({"name":"search"})") == 409);
    CHECK(create(R"({"name":"x","models":["fats"]})") == 400);
    REQUIRE(fixture.create(R"({"name":"a","team":"ads"})"));
    CHECK(fixture.in_force("a").caller.models == std::vector<std::string>{"smart"});
    REQUIRE(fixture.changes.change_team(admin, "ads", R"({"models":["fast"]})", fixture.settings));
    CHECK(fixture.in_force("a").caller.models == std::vector<std::string>{"fast"});
    CHECK(status(fixture.changes.change_team(admin, "ads", R"({"name":"b"})", fixture.settings)) == 400);
    CHECK(status(fixture.changes.remove_team(admin, "ads")) == 409);
    REQUIRE(fixture.changes.remove(admin, "a"));
    CHECK(status(fixture.changes.remove_team(admin, "ads")) == 200);
    CHECK(status(fixture.changes.remove_team(admin, "ads")) == 404);
}

TEST_CASE("while the store is down nothing changes, and that is said", "[keys]") {
    Fixture fixture;
    fixture.store.set_down(true);
    auto const made = fixture.create(R"({"name":"ci"})");
    REQUIRE_FALSE(made);
    CHECK(made.error().kind == ErrorKind::ledger_unavailable);
    CHECK(fixture.directory.view()->keys.size() == 1);
}
