#include "server/keys/key_text.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

using namespace sluice::keys;

TEST_CASE("a key begins as ours do, and its sum is right", "[keys]") {
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        auto const text = make_key_text();
        CHECK(text.size() == key_start.size() + 49);
        CHECK(is_key_text(text));
        CHECK(seen.insert(text).second);
    }
}

TEST_CASE("a typo in a key is seen without asking anybody", "[keys]") {
    auto const text = make_key_text();
    for (std::size_t i = 0; i < text.size(); ++i) {
        for (char const wrong : {'0', 'a', '-'}) {
            auto typo = text;
            if (typo[i] == wrong) continue;
            typo[i] = wrong;
            CAPTURE(typo);
            CHECK_FALSE(is_key_text(typo));
        }
    }
    auto swapped = text;
    for (std::size_t i = key_start.size(); i + 1 < text.size(); ++i) {
        if (text[i] == text[i + 1]) continue;
        std::swap(swapped[i], swapped[i + 1]);
        CHECK_FALSE(is_key_text(swapped));
        std::swap(swapped[i], swapped[i + 1]);
    }
    CHECK_FALSE(is_key_text(text.substr(1)));
    CHECK_FALSE(is_key_text(text + "0"));
    CHECK_FALSE(is_key_text(""));
    CHECK_FALSE(is_key_text(key_start));
}

TEST_CASE("every letter of a key is about equally likely", "[keys]") {
    std::map<char, int> counts;
    constexpr int keys = 4000;
    for (int i = 0; i < keys; ++i) {
        auto const text = make_key_text();
        for (char const c : text.substr(key_start.size(), 43)) ++counts[c];
    }
    CHECK(counts.size() == 62);
    double const expected = keys * 43.0 / 62;
    for (auto const& [letter, count] : counts) {
        CAPTURE(letter, count);
        CHECK(std::abs(count - expected) < 0.15 * expected);  // eight standard deviations
    }
}

TEST_CASE("what is shown of a key tells nothing of the rest", "[keys]") {
    auto const text = make_key_text();
    CHECK(shown_prefix(text) == text.substr(0, key_start.size() + 6));
    auto const id = make_key_id();
    CHECK(id.size() == 14);
    CHECK(id.starts_with("k_"));
    CHECK(id != make_key_id());
}
