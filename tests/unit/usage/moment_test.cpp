#include "server/cli/usage/moment.hpp"

#include <catch2/catch.hpp>

namespace sluice::cli {
namespace {

using namespace std::chrono;

WallTime const noon(sys_days(2026y / July / 1) + 12h);

TEST_CASE("a moment is so long ago, or a date, or a time of it", "[usage]") {
    auto const [text, expected] = GENERATE(table<char const*, WallTime>({
        {"7d", noon - days(7)},
        {"12h", noon - 12h},
        {"30m", noon - 30min},
        {"0s", noon},
        {"2026-06-30", WallTime(sys_days(2026y / June / 30))},
        {"2024-02-29", WallTime(sys_days(2024y / February / 29))},
        {"2026-06-30T23:59:59Z", WallTime(sys_days(2026y / June / 30) + 23h + 59min + 59s)},
    }));
    CAPTURE(text);
    CHECK(read_moment(text, noon) == expected);
}

TEST_CASE("what is no moment is none", "[usage]") {
    auto const* const text =
        GENERATE("", "d", "7", "7w", "-7d", "7.5d", "1e9d", "yesterday", "2026-02-30", "2026-6-30", "2026/06/30",
                 "2026-06-30T24:00:00Z", "2026-06-30T12:00:00", "2026-06-30T12:00:00+02:00", "2026-06-30 12:00:00Z");
    CAPTURE(text);
    CHECK_FALSE(read_moment(text, noon));
}

}  // namespace
}  // namespace sluice::cli
