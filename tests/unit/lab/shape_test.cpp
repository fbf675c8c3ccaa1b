#include "server/lab/shape.hpp"

#include <catch2/catch.hpp>

using namespace sluice::lab;
using namespace std::chrono_literals;

namespace {

std::vector<Piece> sample() { return {{1ms, "abc", 1}, {2ms, "defgh", 2}, {3ms, "i", 3}}; }

std::string text_of(std::vector<Piece> const& pieces) {
    std::string text;
    for (auto const& piece : pieces) text += piece.text;
    return text;
}

std::uint64_t tokens_of(std::vector<Piece> const& pieces) {
    std::uint64_t tokens = 0;
    for (auto const& piece : pieces) tokens += piece.tokens;
    return tokens;
}

}  // namespace

TEST_CASE("a pause splits the piece it falls into", "[lab][shape]") {
    auto pieces = sample();
    pause_at(pieces, 4, 9ms);
    CHECK(pieces == std::vector<Piece>{{1ms, "abc", 1}, {2ms, "d", 0}, {9ms, "efgh", 2}, {3ms, "i", 3}});
}

TEST_CASE("a pause between two pieces lengthens the second's wait", "[lab][shape]") {
    auto pieces = sample();
    pause_at(pieces, 3, 9ms);
    CHECK(pieces == std::vector<Piece>{{1ms, "abc", 1}, {11ms, "defgh", 2}, {3ms, "i", 3}});
}

TEST_CASE("a pause behind the end changes nothing", "[lab][shape]") {
    auto pieces = sample();
    pause_at(pieces, 9, 9ms);
    CHECK(pieces == sample());
}

TEST_CASE("dripping and regrouping keep every byte and every token", "[lab][shape]") {
    auto size = GENERATE(std::size_t{1}, 2, 4, 100);
    auto dripped = sample(), regrouped = sample();
    drip(dripped, size, 1ms);
    regroup(regrouped, size);
    for (auto const& pieces : {dripped, regrouped}) {
        CHECK(text_of(pieces) == "abcdefghi");
        CHECK(tokens_of(pieces) == 6);
        for (auto const& piece : pieces) CHECK(piece.text.size() <= size);
    }
}

TEST_CASE("regrouped pieces ignore where events end", "[lab][shape]") {
    auto pieces = sample();
    regroup(pieces, 4);
    REQUIRE(pieces.size() == 3);
    CHECK(pieces[0].text == "abcd");
    CHECK(pieces[2].text == "i");
}

TEST_CASE("stored gzip has gzip's frame, the text and its checksum", "[lab][shape]") {
    auto file = stored_gzip("123456789");
    CHECK(file.starts_with("\x1f\x8b\x08"));
    CHECK(file.find("123456789") != std::string::npos);
    CHECK(file.substr(file.size() - 8, 4) == "\x26\x39\xf4\xcb");  // the CRC-32 check value, little endian
}
