#include "server/admin/routes.hpp"

#include <set>

#include "tests/unit/admin/admin_fixture.hpp"

using namespace sluice;
using namespace sluice::admin;
using namespace sluice::admin::testing;

namespace {

std::string filled(std::string_view pattern) {
    std::string path(pattern);
    auto const open = path.find('{');
    if (open != std::string::npos) path.replace(open, path.find('}') - open + 1, "search");
    return path;
}

}  // namespace

TEST_CASE("every route is found by its own method and path, and by no other spelling", "[admin]") {
    std::set<std::pair<std::string_view, std::string_view>> seen;
    for (auto const& route : routes()) {
        CAPTURE(route.method, route.path);
        CHECK(seen.insert({route.method, route.path}).second);
        CHECK(route.sentence.ends_with('.'));
        CHECK(route.path.starts_with("/admin/"));
        auto const path = filled(route.path);
        CHECK(find_route(route.method, path).route == &route);
        for (auto const& other : {path + "/", "/" + path, path + "%2f", path + "x", "/ADMIN" + path.substr(6),
                                  path + "?x", path + "/..", path.substr(1), "/admin/%2e" + path.substr(6)}) {
            auto const found = find_route(route.method, other);
            CAPTURE(other);
            CHECK((found.route == nullptr || found.id != "search" || found.route != &route));
            CHECK((found.route != nullptr || found.refusal.status == 404 || found.refusal.status == 405));
        }
    }
}

TEST_CASE("a path with another method says which it takes", "[admin]") {
    auto const found = find_route("PUT", "/admin/keys");
    CHECK(found.route == nullptr);
    CHECK(found.refusal.status == 405);
    CHECK(found.refusal.allow == "GET, HEAD, POST");
    CHECK(find_route("GET", "/admin/nothing").refusal.status == 404);
    CHECK(find_route("HEAD", "/admin/keys").route == find_route("GET", "/admin/keys").route);
}

// R23: each route x each kind of token, from the table itself.
TEST_CASE("no route does anything for who lacks its power", "[admin]") {
    for (auto const& route : routes()) {
        CAPTURE(route.method, route.path);
        auto const stranger = refuse(route, std::nullopt);
        CHECK(stranger.has_value() == (route.needs != Power::none));
        if (stranger) CHECK(stranger->status == 401);
        auto const lesser = refuse(route, lead);
        CHECK(lesser.has_value() == (route.needs == Power::all));
        if (lesser) CHECK(lesser->status == 403);
        CHECK_FALSE(refuse(route, everything));
    }
}

TEST_CASE("what changes more than a team's keys needs all power", "[admin]") {
    for (auto const& route : routes()) {
        bool const is_about_keys = route.path.starts_with("/admin/keys") || route.path.starts_with("/admin/requests");
        if (route.method == "GET" || is_about_keys) continue;
        CAPTURE(route.method, route.path);
        CHECK(route.needs == Power::all);
    }
}

TEST_CASE("unknown query parameters, and bodies where none belongs, are refused", "[admin]") {
    Fixture fixture;
    CHECK(fixture.ask("GET", "/admin/keys?colour=red").status == 400);
    CHECK(fixture.ask("GET", "/admin/keys?team=a&team=b").status == 400);
    CHECK(fixture.ask("GET", "/admin/keys?team=%2").status == 400);
    CHECK(fixture.ask("GET", "/admin/keys", "{}").status == 400);
    CHECK(fixture.ask("POST", "/admin/keys", R"({"name":"a","colour":"red"})").status == 400);
    CHECK(fixture.ask("DELETE", "/admin/keys/a?cut=maybe").status == 400);
    CHECK(fixture.ask("POST", "/admin/keys/a/rotate", R"({"colour":"red"})").status == 400);
    CHECK(fixture.ask("POST", "/admin/explain", R"({"colour":"red"})").status == 400);
}

TEST_CASE("what a process does not have is not there", "[admin]") {
    AdminParts const parts{};
    for (auto const& route : routes()) {
        if (route.path == "/admin/openapi.json") continue;
        auto const path = filled(route.path);
        auto const body = route.path == "/admin/explain" ? R"({"model":"a"})" : "";
        CAPTURE(route.method, path);
        CHECK(answer(parts, everything, {.method = route.method, .path = path, .body = body}).status == 404);
    }
}
