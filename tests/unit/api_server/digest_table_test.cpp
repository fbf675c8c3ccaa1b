#include "server/api/digest_table.hpp"

#include <catch2/catch.hpp>
#include <random>

namespace sluice::api {
namespace {

std::vector<Digest> random_digests(std::size_t count) {
    std::mt19937 chance(static_cast<unsigned>(count));
    std::vector<Digest> digests(count);
    for (auto& digest : digests) {
        for (auto& byte : digest) byte = static_cast<std::uint8_t>(chance());
    }
    return digests;
}

TEST_CASE("every digest is found at its place, and no other one", "[keyring]") {
    auto const count = GENERATE(std::size_t{1}, 2, 3, 4, 5, 64, 65, 1'000, 10'001);
    CAPTURE(count);
    auto const digests = random_digests(count);
    DigestTable const table(digests);
    for (std::size_t i = 0; i < count; ++i) {
        auto const found = table.find(digests[i]);
        CHECK((found.is_there && found.place == i));
        auto other = digests[i];
        other[i % other.size()] ^= 1;
        auto const missed = table.find(other);
        CHECK((!missed.is_there && missed.place < count));
    }
}

TEST_CASE("digests that begin alike are told apart", "[keyring]") {
    std::vector<Digest> digests(20);
    for (std::size_t i = 0; i < digests.size(); ++i) digests[i].back() = static_cast<std::uint8_t>(i);
    DigestTable const table(digests);
    for (std::size_t i = 0; i < digests.size(); ++i) CHECK(table.find(digests[i]).place == i);
    Digest other{};
    other.back() = 99;
    CHECK_FALSE(table.find(other).is_there);
}

TEST_CASE("of equal digests the last one counts", "[keyring]") {
    auto digests = random_digests(10);
    digests[7] = digests[2];
    CHECK(DigestTable(digests).find(digests[2]).place == 7);
}

}  // namespace
}  // namespace sluice::api
