#include "server/keys/key_directory.hpp"

#include <atomic>
#include <catch2/catch.hpp>

#include "server/keys/key_json.hpp"
#include "tests/unit/keys/fake_key_store.hpp"

using namespace sluice;
using namespace sluice::keys;
using sluice::testing::FakeKeyStore;

namespace {

store::StoredKey stored(std::string id, std::string name, std::string settings = "{}", std::string replaces = "") {
    store::StoredKey key{.id = id, .name = std::move(name), .sha256_hex = "hash of " + id};
    key.settings_json = std::move(settings);
    key.replaces = std::move(replaces);
    key.created = WallTime(std::chrono::seconds(static_cast<int>(id.back())));
    return key;
}

Settings file() {
    Settings settings;
    settings.keys.push_back({.caller = {.id = "ci", .name = "ci", .team = "ads"}, .sha256_hex = "file", .expires = {}});
    settings.teams.push_back({.name = "search", .models = {"fast"}, .tags = {{"env", "prod"}}});
    settings.limits.push_back({.kind = PayerKind::team, .name = "search", .limits = {{.most = 5}}});
    return settings;
}

KeySettings const* find(KeyView const& view, std::string_view name) {
    for (auto const& key : view.keys)
        if (key.caller.name == name) return &key;
    return nullptr;
}

}  // namespace

TEST_CASE("the file's keys and the store's are one list, each within its team's bounds", "[keys]") {
    auto const view = combine(
        file(), {.keys = {stored("k_1", "one", R"({"team":"search","models":["fast","smart"],"rate":{"rpm":3}})"),
                          stored("k_2", "two", R"({"team":"search","models":["smart"]})"),
                          stored("k_3", "three", R"({"team":"ads"})")},
                 .teams = {{.name = "ads", .settings_json = R"({"models":["cheap"],"rate":{"rpm":9}})"}},
                 .version = 7});
    REQUIRE(view);
    CHECK((*view)->version == 7);
    CHECK((*view)->complaints.empty());
    CHECK((*view)->keys.size() == 4);
    CHECK(find(**view, "one")->caller.models == std::vector<std::string>{"fast"});
    CHECK(find(**view, "one")->caller.tags.at("env") == "prod");
    CHECK(find(**view, "two")->caller.models == std::vector<std::string>{""});  // no model has that name
    CHECK(find(**view, "three")->caller.models == std::vector<std::string>{"cheap"});
    CHECK(find(**view, "ci")->caller.models == std::vector<std::string>{"cheap"});  // the file's key, a stored team
    std::vector<std::string> payers;
    for (auto const& rule : (*view)->limits) payers.push_back(rule.name);
    CHECK(payers == std::vector<std::string>{"search", "ads", "k_1"});
}

TEST_CASE("what is in the file and in the store is an error that names it", "[keys]") {
    auto const same_name = combine(file(), {.keys = {stored("k_1", "ci")}});
    REQUIRE_FALSE(same_name);
    CHECK(same_name.error().message.str().starts_with("key `ci` is in the configuration and in the database"));
    auto copy = stored("k_1", "other");
    copy.sha256_hex = "file";
    CHECK_FALSE(combine(file(), {.keys = {copy}}));
    auto const same_team = combine(file(), {.teams = {{.name = "search", .settings_json = "{}"}}});
    REQUIRE_FALSE(same_team);
    CHECK(same_team.error().message.str().starts_with("team `search` is in"));
}

TEST_CASE("a stored key whose bounds are unknown is good for nothing", "[keys]") {
    auto const view = combine(file(), {.keys = {stored("k_1", "lost", R"({"team":"gone"})"),
                                                stored("k_2", "strange", R"({"of":"a later version"})")}});
    REQUIRE(view);
    CHECK(find(**view, "lost")->disabled);
    CHECK(find(**view, "strange")->disabled);
    REQUIRE((*view)->complaints.size() == 2);
    CHECK((*view)->complaints[0] == "key `lost` can't be used: there is no team `gone`");
}

TEST_CASE("keys of a row of rotations share one account, with the newest's limits", "[keys]") {
    auto const view = combine(file(), {.keys = {stored("k_1", "a (k_1)", R"({"rate":{"rpm":1}})"),
                                                stored("k_2", "a", R"({"rate":{"rpm":2}})", "k_1")}});
    REQUIRE(view);
    CHECK(find(**view, "a")->caller.id == "k_1");
    CHECK(find(**view, "a (k_1)")->caller.id == "k_1");
    REQUIRE((*view)->limits.size() == 2);
    CHECK((*view)->limits[1].name == "k_1");
    CHECK((*view)->limits[1].limits.at(0).most == 2);
}

TEST_CASE("a change is seen whoever made it, and a store that is down takes no key away", "[keys]") {
    FakeKeyStore store;
    KeyDirectory directory(&store);
    REQUIRE_FALSE(directory.refresh());
    directory.adopt(file(), directory.preview(file()).value());
    CHECK(directory.view()->keys.size() == 1);

    std::mutex mutex;
    std::condition_variable told;
    std::size_t keys = 0;
    std::vector<bool> states;
    auto const until = [&mutex, &told](auto const& is_true) {
        std::unique_lock lock(mutex);
        return told.wait_for(lock, std::chrono::seconds(20), is_true);
    };
    directory.watch(
        [&](KeyDirectory::View const& view) {
            std::lock_guard const lock(mutex);
            keys = view->keys.size();
            told.notify_all();
        },
        [&](Result<> const& state) {
            std::lock_guard const lock(mutex);
            states.push_back(state.has_value());
            told.notify_all();
        },
        milliseconds(1));
    REQUIRE(store.put(stored("k_1", "other")));
    CHECK(until([&keys] { return keys == 2; }));
    store.set_down(true);
    CHECK(until([&states] { return states == std::vector<bool>{false}; }));
    CHECK(directory.view()->keys.size() == 2);
    store.set_down(false);
    CHECK(until([&states] { return states == std::vector<bool>{false, true}; }));
    REQUIRE(store.remove_key("k_1").value());
    CHECK(until([&keys] { return keys == 1; }));
    directory.stop();
}

TEST_CASE("a change of one's own is in force at once", "[keys]") {
    FakeKeyStore store;
    KeyDirectory directory(&store);
    directory.adopt(file(), directory.preview(file()).value());
    std::size_t told = 0;
    directory.watch([&told](KeyDirectory::View const& view) { told = view->keys.size(); }, {}, std::chrono::hours(1));
    REQUIRE(store.put(stored("k_1", "own")));
    CHECK(directory.view()->keys.size() == 1);
    CHECK(directory.refresh().value()->keys.size() == 2);
    CHECK(told == 2);
    CHECK(directory.view()->keys.size() == 2);
}
