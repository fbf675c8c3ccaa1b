#include "server/keys/may_grant.hpp"

#include <catch2/catch.hpp>
#include <functional>

using namespace sluice;
using namespace sluice::keys;

namespace {

TeamSettings const search{.name = "search", .models = {"fast", "gpt-*"}, .tags = {{"env", "prod"}}};
Grantor const lead{.name = "lead", .team = "search"};

KeySettings modest() {
    KeySettings key;
    key.caller.name = "search-ci";
    key.caller.team = "search";
    return key;
}

}  // namespace

TEST_CASE("who may do everything grants everything", "[keys][grant]") {
    KeySettings key;
    key.caller.may_bring_keys = true;
    key.caller.models = {"*"};
    key.caller.tags = {{"a", "b"}};
    CHECK(may_grant({.name = "admin", .all = true}, key, {}));
}

// R23: each right that a key can hold, against a creator without it.
TEST_CASE("a key never holds a right that its creator lacks", "[keys][grant]") {
    struct Row {
        char const* right;
        bool allowed;
        std::function<void(KeySettings&)> take;
    };
    std::vector<Row> const rows{
        {"nothing special", true, [](KeySettings&) {}},
        {"all models of the team", true, [](KeySettings& key) { key.caller.models = {"fast", "gpt-*"}; }},
        {"one that the team's pattern covers", true, [](KeySettings& key) { key.caller.models = {"gpt-5"}; }},
        {"the team's own tag", true, [](KeySettings& key) { key.caller.tags = {{"env", "prod"}}; }},
        {"fewer endpoints", true, [](KeySettings& key) { key.caller.endpoints = {"/v1/models"}; }},
        {"limits of its own", true, [](KeySettings& key) { key.limits = {{.most = 1}}; }},
        {"no steering", true, [](KeySettings& key) { key.caller.may_steer = false; }},
        {"another model", false, [](KeySettings& key) { key.caller.models = {"smart"}; }},
        {"a model beside the team's", false, [](KeySettings& key) { key.caller.models = {"fast", "smart"}; }},
        {"a wider pattern", false, [](KeySettings& key) { key.caller.models = {"*"}; }},
        {"another team", false, [](KeySettings& key) { key.caller.team = "ads"; }},
        {"no team", false, [](KeySettings& key) { key.caller.team.clear(); }},
        {"another value of the team's tag", false, [](KeySettings& key) { key.caller.tags = {{"env", "dev"}}; }},
        {"another tag", false, [](KeySettings& key) { key.caller.tags = {{"cost", "theirs"}}; }},
        {"keys of its own", false, [](KeySettings& key) { key.caller.may_bring_keys = true; }},
        {"another team's name", false, [](KeySettings& key) { key.caller.name = "ads-ci"; }},
        {"the team's name alone", false, [](KeySettings& key) { key.caller.name = "search"; }},
    };
    for (auto const& row : rows) {
        auto key = modest();
        row.take(key);
        CAPTURE(row.right);
        auto const result = may_grant(lead, key, search);
        CHECK(result.has_value() == row.allowed);
        if (!result) CHECK(result.error().kind == ErrorKind::permission_denied);
    }
}

TEST_CASE("a team that is not there grants nothing", "[keys][grant]") {
    CHECK_FALSE(may_grant(lead, modest(), TeamSettings()));
    CHECK_FALSE(may_grant(Grantor{}, KeySettings(), TeamSettings()));
    CHECK_FALSE(manages(Grantor{}, ""));
}
