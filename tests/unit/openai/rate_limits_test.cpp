#include "providers/openai/rate_limits.hpp"

#include <catch2/catch.hpp>
#include <ostream>

namespace sluice {
std::ostream& operator<<(std::ostream& out, RateBucket const& bucket) {
    out << (bucket.kind == LimitKind::tokens ? "tokens" : "requests") << "/" << static_cast<int>(bucket.window) << " "
        << bucket.remaining << " of " << bucket.limit;
    return bucket.resets_in ? out << ", again in " << bucket.resets_in->count() << " ms" : out;
}
}  // namespace sluice

using namespace sluice;
using namespace std::chrono_literals;
using enum LimitWindow;

namespace {

// Fri, 06 Nov 2026 08:49:37 GMT
constexpr openai::WallTime now{std::chrono::seconds(1793954977)};

RateBucket requests(std::int64_t remaining, std::int64_t limit, std::optional<milliseconds> resets_in = {},
                    LimitWindow window = unnamed) {
    return {
        .kind = LimitKind::requests, .window = window, .limit = limit, .remaining = remaining, .resets_in = resets_in};
}

RateBucket tokens(std::int64_t remaining, std::int64_t limit, std::optional<milliseconds> resets_in = {},
                  LimitWindow window = unnamed) {
    auto bucket = requests(remaining, limit, resets_in, window);
    bucket.kind = LimitKind::tokens;
    return bucket;
}

}  // namespace

TEST_CASE("a provider's limits are read in every form", "[limits]") {
    struct Row {
        char const* name;
        Headers headers;
        RateLimits limits;
    };
    std::vector<Row> const rows{
        {"nothing", {{"content-type", "application/json"}, {"x-request-id", "r"}, {"retry-after", "3"}}, {}},
        {"OpenAI: Go's durations",
         {{"x-ratelimit-limit-requests", "60"},
          {"x-ratelimit-limit-tokens", "150000"},
          {"x-ratelimit-remaining-requests", "59"},
          {"x-ratelimit-remaining-tokens", "149984"},
          {"x-ratelimit-reset-requests", "1s"},
          {"x-ratelimit-reset-tokens", "6m0s"}},
         {requests(59, 60, 1s), tokens(149984, 150000, 360s)}},
        {"Azure: whole seconds, and -1 is unknown",
         {{"x-ratelimit-remaining-requests", "-1"},
          {"x-ratelimit-remaining-tokens", "900"},
          {"x-ratelimit-limit-tokens", "1000"},
          {"x-ratelimit-reset-tokens", "12"}},
         {requests(-1, -1), tokens(900, 1000, 12s)}},
        {"Groq",
         {{"x-ratelimit-remaining-requests", "14370"}, {"x-ratelimit-reset-requests", "2m59.56s"}},
         {requests(14370, -1, 179560ms)}},
        {"Cerebras: windows in the name, seconds with a fraction",
         {{"x-ratelimit-limit-requests-day", "14400"},
          {"x-ratelimit-remaining-requests-day", "14399"},
          {"x-ratelimit-reset-requests-day", "11726.28"},
          {"x-ratelimit-remaining-tokens-minute", "0"},
          {"x-ratelimit-reset-tokens-minute", "26.28"},
          {"x-ratelimit-remaining-tokens-hour", "5"}},
         {requests(14399, 14400, 11726280ms, day), tokens(0, -1, 26280ms, minute), tokens(5, -1, {}, hour)}},
        {"Mistral",
         {{"x-ratelimitbysize-remaining-minute", "400"}, {"x-ratelimitbysize-limit-month", "7"}},
         {tokens(400, -1, {}, minute), tokens(-1, 7, {}, longer)}},
        {"OpenRouter and Moonshot: milliseconds since 1970",
         {{"x-ratelimit-limit", "20"}, {"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", "1793954980000"}},
         {requests(0, 20, 3s)}},
        {"Together",
         {{"x-ratelimit-remaining", "5"}, {"x-tokenlimit-remaining", "70"}, {"x-tokenlimit-limit", "80"}},
         {requests(5, -1), tokens(70, 80)}},
        {"Fireworks: two kinds of tokens",
         {{"x-ratelimit-limit-tokens-prompt", "9"}, {"x-ratelimit-remaining-tokens-generated", "8"}},
         {tokens(-1, 9), tokens(8, -1)}},
        {"Anthropic: RFC 3339",
         {{"anthropic-ratelimit-requests-limit", "50"},
          {"anthropic-ratelimit-requests-remaining", "49"},
          {"anthropic-ratelimit-requests-reset", "2026-11-06T08:49:50Z"},
          {"anthropic-ratelimit-input-tokens-remaining", "1000"}},
         {requests(49, 50, 13s), tokens(1000, -1)}},
        {"nonsense is unknown",
         {{"x-ratelimit-remaining-tokens", "many"}, {"x-ratelimit-limit-tokens", ""}, {"x-ratelimit-policy", "3;w=1"}},
         {tokens(-1, -1)}},
    };
    for (auto const& row : rows) {
        CAPTURE(row.name);
        CHECK(openai::read_rate_limits(row.headers, now) == row.limits);
    }
}

TEST_CASE("the wait for a refill is that of the slowest empty bucket", "[limits]") {
    CHECK_FALSE(time_to_refill({}));
    CHECK_FALSE(time_to_refill({requests(1, 2, 5s), requests(-1, 2, 5s), requests(0, 0, 5s), requests(0, 2)}));
    CHECK(time_to_refill({requests(0, 2, 5s), tokens(0, -1, 9s), tokens(3, 4, 20s)}) == 9s);
}

TEST_CASE("a provider with hundreds of limits is cut off", "[limits]") {
    Headers headers;
    for (int i = 0; i < 500; ++i) headers.add("x-ratelimit-remaining-" + std::to_string(i), "1");
    CHECK(openai::read_rate_limits(headers, now).size() <= 16);
}
