#include "core/types/splice.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace sluice;

namespace {

std::string joined(std::string_view original, std::vector<Edit> const& edits) {
    std::string text;
    for (auto const piece : spliced(original, edits)) text += piece;
    CHECK(text.size() == spliced_size(original, edits));
    return text;
}

}  // namespace

TEST_CASE("edits replace, insert and remove", "[splice]") {
    CHECK(joined("hello world", {}) == "hello world");
    CHECK(joined("hello world", {{0, 5, "bye"}}) == "bye world");
    CHECK(joined("hello world", {{5, 0, ","}, {6, 5, "moon"}}) == "hello, moon");
    CHECK(joined("hello world", {{0, 6, ""}, {11, 0, "!"}}) == "world!");
    CHECK(joined("ab", {{1, 0, "x"}, {1, 1, "y"}}) == "axy");
    CHECK(joined("", {{0, 0, "x"}}) == "x");
    CHECK(joined("ab", {{0, 2, ""}}).empty());
}

TEST_CASE("what is not edited is not copied, and no piece is empty", "[splice]") {
    std::string const original = "hello world";
    std::vector<Edit> const edits{{0, 5, "bye"}, {6, 5, ""}};
    auto const pieces = spliced(original, edits);
    REQUIRE(pieces.size() == 2);
    CHECK(pieces[0].data() == edits[0].text.data());
    CHECK(pieces[1].data() == original.data() + 5);
}
