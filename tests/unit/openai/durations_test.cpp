#include "providers/openai/durations.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "providers/openai/retry_after.hpp"

using namespace sluice;
using namespace std::chrono_literals;
using openai::Wait;
using std::chrono::milliseconds;

namespace {

// Fri, 06 Nov 2026 08:49:37 GMT
constexpr openai::WallTime now{std::chrono::seconds(1793954977)};

std::string shown(Wait const& wait) { return wait ? std::to_string(wait->count()) : "unknown"; }

}  // namespace

TEST_CASE("a wait is read in every form that upstreams use", "[retry]") {
    auto const [text, wait] = GENERATE(table<std::string, Wait>({
        {"7", 7s},
        {"0", 0ms},
        {"1.5", 1500ms},
        {" 7 ", 7s},
        {"11726.28", 11726280ms},
        {"7s", 7s},
        {"7.66s", 7660ms},
        {"825ms", 825ms},
        {"2m59.56s", 179560ms},
        {"1m26.4s", 86400ms},
        {"6m0s", 360s},
        {"1h0m0s", 3600s},
        {"12us", 1ms},
        {"5 seconds", 5s},
        {"1 minute", 60s},
        {"Fri, 06 Nov 2026 08:49:47 GMT", 10s},
        {"Fri, 06 Nov 2026 08:00:00 GMT", 0s},
        {"2026-11-06T08:49:47Z", 10s},
        {"2026-11-06T08:49:47.25Z", 10s},
        {"2026-11-06T10:49:47+02:00", 10s},
        {"2026-11-06T06:19:47-02:30", 10s},
        {"2784111777", 24h * 31},
        {"2784111777000", 24h * 31},
        {"0.25", 250ms},
        {"", {}},
        {"-1", {}},
        {"-5s", {}},
        {"soon", {}},
        {"nan", {}},
        {"inf", {}},
        {"1e9", 1s},
        {"Fri, 40 Nov 2026 08:49:47 GMT", {}},
        {"Fri, 06 Foo 2026 08:49:47 GMT", {}},
        {"99999999999999999999", {}},
        {"51055110551055", {}},
        {"9999-11-06T08:49:47Z", {}},
        {"Fri, 06 Nov 9999 08:49:47 GMT", {}},
        {"0000-11-06T08:49:47Z", {}},
        {"2026-11-06T08:49:47", {}},
        {"2026-13-06T08:49:47Z", {}},
        {"2026-11-06T08:49:47+0200", {}},
    }));
    CAPTURE(text);
    CHECK(shown(openai::read_wait(text, now)) == shown(wait));
}

TEST_CASE("a point in time counts from now, in seconds and in milliseconds", "[retry]") {
    openai::WallTime const later{std::chrono::seconds(1'784'111'777)};
    CHECK(openai::read_wait("1784111787", later) == Wait(10s));
    CHECK(openai::read_wait("1784111787000", later) == Wait(10s));
}

TEST_CASE("the wait is taken from the first place that has one", "[retry]") {
    using openai::ErrorBody;
    auto const body = [](std::string message, Wait hint = {}) {
        ErrorBody error;
        error.message = std::move(message);
        error.retry_after = hint;
        return error;
    };
    struct Row {
        char const* name;
        Headers headers;
        ErrorBody body;
        Wait wait;
    };
    std::vector<Row> const rows{
        {"nothing", {}, {}, {}},
        {"milliseconds first", {{"retry-after", "9"}, {"retry-after-ms", "1200.5"}}, {}, 1201ms},
        {"Azure's other name", {{"x-ms-retry-after-ms", "300"}, {"retry-after", "9"}}, {}, 300ms},
        {"a negative one is unknown", {{"retry-after-ms", "-1"}, {"retry-after", "9"}}, {}, 9s},
        {"then retry-after", {{"retry-after", "9"}}, body("try again in 5s", 4s), 9s},
        {"as a date", {{"retry-after", "Fri, 06 Nov 2026 08:49:40 GMT"}}, {}, 3s},
        {"then the body's members",
         {{"x-ratelimit-remaining-tokens", "0"}, {"x-ratelimit-reset-tokens", "8s"}},
         body("try again in 5s", 4s),
         4s},
        {"then its words",
         {{"x-ratelimit-remaining-tokens", "0"}, {"x-ratelimit-reset-tokens", "8s"}},
         body("Please try again in 7m12s. Visit"),
         432s},
        {"in long form", {}, body("Please retry after 20 seconds."), 20s},
        {"Google's", {}, body("Please retry in 34.074824224s."), 34075ms},
        {"then the bucket that is empty",
         {{"x-ratelimit-remaining-requests", "3"},
          {"x-ratelimit-reset-requests", "9m"},
          {"x-ratelimit-remaining-tokens", "0"},
          {"x-ratelimit-reset-tokens", "825ms"}},
         {},
         825ms},
        {"the longest of them",
         {{"x-ratelimit-remaining-requests-day", "0"},
          {"x-ratelimit-reset-requests-day", "11726.28"},
          {"x-ratelimit-remaining-tokens-minute", "0"},
          {"x-ratelimit-reset-tokens-minute", "12.5"}},
         {},
         11726280ms},
        {"OpenRouter's",
         {{"x-ratelimit-limit", "20"}, {"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", "1793954980000"}},
         {},
         3s},
        {"Anthropic's",
         {{"anthropic-ratelimit-requests-remaining", "0"},
          {"anthropic-ratelimit-requests-reset", "2026-11-06T08:49:50Z"}},
         {},
         13s},
        {"-1 remaining is unknown",
         {{"x-ratelimit-remaining-tokens", "-1"}, {"x-ratelimit-reset-tokens", "8s"}},
         {},
         {}},
    };
    for (auto const& row : rows) {
        CAPTURE(row.name);
        CHECK(shown(openai::parse_retry_after(row.headers, row.body, now)) == shown(row.wait));
    }
}
