#pragma once

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "server/admin/routes.hpp"
#include "tests/unit/keys/fake_key_store.hpp"

namespace sluice::admin::testing {

using Json = nlohmann::ordered_json;

inline WallTime const now{std::chrono::milliseconds(1'800'000'000'000)};
inline keys::Grantor const everything{.name = "admin", .all = true};
inline keys::Grantor const lead{.name = "lead", .team = "search"};

/// Two requests under way: one of team search, one of nobody.
class FakeRequests final : public LiveRequests {
public:
    std::vector<api::LiveRequest> list() override {
        api::LiveRequest one{.request_id = "r1", .key_id = "k_x", .key = "search-ci", .team = "search"};
        api::LiveRequest two{.request_id = "r2", .key_id = "other", .key = "other"};
        one.started_at = two.started_at = now - std::chrono::seconds(2);
        return {one, two};
    }
    std::size_t cut_request(std::string_view request_id) override {
        cut.emplace_back(request_id);
        return 1;
    }
    std::size_t cut_key(std::string_view key_id) override {
        cut.emplace_back(key_id);
        return 3;
    }
    std::vector<std::string> cut{};
};

/// The API on a configuration with key `fixed`, team `search` and models `fast` and `smart`, and keys in memory.
struct Fixture {
    std::shared_ptr<Settings> settings = std::make_shared<Settings>();
    sluice::testing::FakeKeyStore store;
    keys::KeyDirectory directory{&store};
    keys::KeyChanges changes{store, directory};
    FakeRequests live;
    AdminParts parts;

    Fixture() {
        for (char const* const name : {"fast", "smart"}) settings->models.emplace_back().name = name;
        settings->keys.push_back({.caller = {.id = "fixed", .name = "fixed"}, .sha256_hex = "f", .expires = {}});
        settings->teams.push_back({.name = "search", .models = {"fast"}});
        directory.adopt(*settings, directory.preview(*settings).value());
        parts = {.settings = [this] { return settings; },
                 .directory = &directory,
                 .changes = &changes,
                 .live = &live,
                 .explain = [](explain::Question const&) { return Result<std::string>(R"({"order":[]})"); },
                 .reload = [] { return Result<std::string>("abc"); }};
    }

    Answer ask(std::string_view method, std::string_view path, std::string_view body = {},
               keys::Grantor const& who = everything) {
        auto const mark = path.find('?');
        Request const request{.method = method,
                              .path = path.substr(0, mark),
                              .query = mark == std::string_view::npos ? std::string_view() : path.substr(mark + 1),
                              .body = body,
                              .now = now};
        return answer(parts, who, request);
    }
    Json json(std::string_view method, std::string_view path, std::string_view body = {},
              keys::Grantor const& who = everything) {
        auto const got = ask(method, path, body, who);
        CAPTURE(got.body);
        REQUIRE(got.status < 300);
        return Json::parse(got.body);
    }
};

}  // namespace sluice::admin::testing
