#include "server/lab/json_path.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sluice::lab;
using nlohmann::json;

TEST_CASE("a path leads to members, to entries of lists, and to any depth", "[lab][provider]") {
    auto document = json::parse(R"({"a":{"b":1},"list":[{"c":2},{"c":3},{"d":{"c":4}}]})");
    auto [path, count] = GENERATE(table<char const*, std::size_t>({
        {"a.b", 1},
        {"a.x", 0},
        {"list[]", 3},
        {"list[].c", 2},
        {"list[0].c", 1},
        {"list[-1].d.c", 1},
        {"list[7].c", 0},
        {"list.**.c", 3},
        {"**.c", 3},
        {"a[].b", 0},
    }));
    CAPTURE(path);
    CHECK(find_places(document, path).size() == count);
}

TEST_CASE("a place knows the object that it is a member of", "[lab][provider]") {
    auto document = json::parse(R"({"messages":[{"role":"user","name":"anna"}]})");
    auto place = find_places(document, "messages[].name").at(0);
    CHECK((*place.owner)["role"] == "user");
    CHECK((*find_places(document, "messages[]").at(0).owner)["role"] == "user");
}

TEST_CASE("a path's members are taken out, all of them", "[lab][provider]") {
    auto document = nlohmann::ordered_json::parse(R"({"choices":[{"a":1,"b":2},{"a":3}],"a":4})");
    erase_path(document, "choices[].a");
    CHECK(document.dump() == R"({"choices":[{"b":2},{}],"a":4})");
    erase_path(document, "choices[].nothing.more");
    CHECK(document.dump() == R"({"choices":[{"b":2},{}],"a":4})");
}
