#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "server/http/characters.hpp"
#include "server/http/head.hpp"

namespace sluice::http {
namespace {

bool same_byte_by_byte(std::string_view left, std::string_view right) {
    return std::ranges::equal(left, right, [](char a, char b) { return lower(a) == lower(b); });
}

TEST_CASE("names are equal whatever the case of their letters, and of nothing else", "[http][names]") {
    auto const size = GENERATE(std::size_t{1}, 7, 8, 9, 16, 17);
    auto const at = GENERATE_COPY(range(std::size_t{0}, size));
    std::string left(size, 'x');
    std::string right(size, 'X');
    std::size_t wrong = 0;
    for (int a = 0; a < 256; ++a) {
        for (int b = 0; b < 256; ++b) {
            left[at] = static_cast<char>(a);
            right[at] = static_cast<char>(b);
            wrong += equals_ignoring_case(left, right) != same_byte_by_byte(left, right) ? 1 : 0;
        }
    }
    CHECK(wrong == 0);
}

}  // namespace
}  // namespace sluice::http
