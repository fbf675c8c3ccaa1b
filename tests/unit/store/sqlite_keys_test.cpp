#include <catch2/catch.hpp>

#include "tests/unit/store/ledger_samples.hpp"

namespace sluice::store {
namespace {

using namespace testing;

StoredKey key(std::string const& id, std::string const& name) {
    return {.id = id,
            .name = name,
            .prefix = "sk-sluice-" + id,
            .sha256_hex = "hash of " + id,
            .settings_json = R"({"models":["fast"]})",
            .created = noon(),
            .expires = noon(std::chrono::hours(1)),
            .disabled = true,
            .replaces = "k_old"};
}

TEST_CASE("keys and teams come back as they were put", "[store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    REQUIRE(store->put(key("k_1", "one")));
    REQUIRE(store->put(StoredTeam{.name = "search", .settings_json = "{}", .created = noon()}));
    auto const other = opened(folder, OpenedBy::command);
    auto const keys = other->keys().value();
    REQUIRE(keys.size() == 1);
    CHECK(keys[0].id == "k_1");
    CHECK(keys[0].name == "one");
    CHECK(keys[0].sha256_hex == "hash of k_1");
    CHECK(keys[0].settings_json == R"({"models":["fast"]})");
    CHECK(keys[0].created == noon());
    CHECK(keys[0].expires == noon(std::chrono::hours(1)));
    CHECK(keys[0].disabled);
    CHECK(keys[0].replaces == "k_old");
    CHECK(other->teams().value().at(0).name == "search");
}

TEST_CASE("each change of a key or a team makes a new version", "[store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    auto changed = [&store, last = store->version().value()]() mutable {
        return std::exchange(last, store->version().value()) != last;
    };
    REQUIRE(store->put(key("k_1", "one")));
    CHECK(changed());
    REQUIRE(store->put(key("k_1", "renamed")));
    CHECK(changed());
    CHECK(store->keys().value().size() == 1);
    CHECK(store->remove_key("k_1").value());
    CHECK(changed());
    CHECK_FALSE(store->remove_key("k_1").value());
    CHECK_FALSE(changed());
    REQUIRE(store->put(StoredTeam{.name = "search"}));
    CHECK(changed());
    CHECK(store->remove_team("search").value());
    CHECK(changed());
    CHECK_FALSE(store->remove_team("search").value());
    CHECK_FALSE(changed());
}

TEST_CASE("two keys have neither a name nor a value in common", "[store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    REQUIRE(store->put(key("k_1", "one")));
    auto second = key("k_2", "two");
    SECTION("the name") { second.name = "one"; }
    SECTION("the value") { second.sha256_hex = "hash of k_1"; }
    auto const refused = store->put(second);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::invalid_value);
    CHECK(store->keys().value().size() == 1);
    CHECK(store->put(key("k_3", "three")));
}

}  // namespace
}  // namespace sluice::store
