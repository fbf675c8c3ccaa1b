#include "core/pipeline/reply.hpp"

#include <catch2/catch.hpp>

#include "core/pipeline/answer_headers.hpp"
#include "tests/unit/pipeline/fakes.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

std::string field(Error const& error, std::string_view name, double random = 0) {
    return std::string(find(error_headers(error, {}, random), name));
}

}  // namespace

TEST_CASE("a client is told to retry only where that helps", "[reply]") {
    struct Row {
        ErrorKind kind;
        std::optional<milliseconds> wait;
        bool retry;
        char const* retry_after_ms;
    };
    auto row = GENERATE(values<Row>({
        {ErrorKind::invalid_json, {}, false, ""},
        {ErrorKind::invalid_api_key, {}, false, ""},
        {ErrorKind::model_not_found, {}, false, ""},
        {ErrorKind::request_timeout, {}, true, ""},
        {ErrorKind::rate_limit_exceeded, seconds(2), true, "2000"},
        {ErrorKind::insufficient_quota, seconds(60), false, "60000"},
        {ErrorKind::overloaded, {}, true, "1000"},
        {ErrorKind::server_shutdown, {}, true, "1000"},
        {ErrorKind::no_upstream_available, milliseconds(4'321), true, "4321"},
        {ErrorKind::internal, {}, false, ""},
        {ErrorKind::upstream_rate_limited, seconds(30), true, "30000"},
        {ErrorKind::upstream_rate_limited, {}, false, ""},
        {ErrorKind::upstream_overloaded, {}, false, ""},
        {ErrorKind::upstream_server_error, seconds(3), false, ""},
        {ErrorKind::upstream_timeout, {}, false, ""},
        {ErrorKind::upstream_auth, {}, false, ""},
        {ErrorKind::not_implemented, {}, false, ""},
        {ErrorKind::version_not_supported, {}, false, ""},
    }));
    CAPTURE(describe(row.kind).code);
    Error const error{.kind = row.kind, .retry_after = row.wait};
    CHECK(field(error, "x-should-retry") == (row.retry ? "true" : "false"));
    CHECK(field(error, "retry-after-ms") == row.retry_after_ms);
    CHECK(field(error, "content-type") == "application/json");
}

TEST_CASE("retry-after is whole seconds, at least one, and up to a fifth longer", "[reply]") {
    auto [wait, random, expected] = GENERATE(table<int, double, char const*>({
        {0, 0.0, "1"},
        {1, 0.0, "1"},
        {1'000, 0.0, "1"},
        {1'001, 0.0, "2"},
        {10'000, 0.0, "10"},
        {10'000, 0.5, "11"},
        {10'000, 0.999999, "12"},
    }));
    CAPTURE(wait, random);
    Error const error{.kind = ErrorKind::no_upstream_available, .retry_after = milliseconds(wait)};
    CHECK(field(error, "retry-after", random) == expected);
}

TEST_CASE("a request that the pipeline never saw becomes one outcome as well", "[reply]") {
    FakeRecorder recorder;
    record_served(recorder,
                  {.request_id = "r",
                   .method = "GET",
                   .route = "other",
                   .error = error_of(ErrorKind::unknown_route),
                   .received_at = Instant() + seconds(1)},
                  Instant() + seconds(3));
    REQUIRE(recorder.outcomes.size() == 1);
    CHECK(recorder.outcomes[0].status == 404);
    CHECK(recorder.outcomes[0].duration == seconds(2));
    CHECK(recorder.outcomes[0].model == "other");
    CHECK_FALSE(recorder.outcomes[0].client_left);
    record_served(recorder, {.request_id = "r", .method = "GET", .route = "/v1/models"}, Instant());
    CHECK(recorder.outcomes[1].status == 200);
}

TEST_CASE("server-timing is in milliseconds", "[reply]") {
    using std::chrono::microseconds;
    auto const timing = [](AnswerTiming const& spent) { return std::string(ServerTiming(spent)); };
    CHECK(timing({}) == "gw;dur=0, queue;dur=0, up;dur=0");
    CHECK(timing({.own = microseconds(310), .upstream = microseconds(812'004), .first_token = milliseconds(240)}) ==
          "gw;dur=0.31, queue;dur=0, up;dur=812.004, ttft;dur=240");
    CHECK(timing({.own = microseconds(-5)}).starts_with("gw;dur=0,"));
}

TEST_CASE("a cost is written in dollars, exactly", "[reply]") {
    auto [nano, expected] = GENERATE(table<std::int64_t, char const*>(
        {{0, "0"}, {1, "0.000000001"}, {1'500, "0.0000015"}, {1'000'000'000, "1"}, {12'034'000'000, "12.034"}}));
    CHECK(to_usd(NanoUsd{nano}) == expected);
}

TEST_CASE("an upstream's header value is passed on only when it is fit", "[reply]") {
    auto [value, expected] = GENERATE(table<std::string, bool>({{"req_1", true},
                                                                {"", false},
                                                                {"a b", false},
                                                                {"a\r\nb", false},
                                                                {std::string(128, 'a'), true},
                                                                {std::string(129, 'a'), false}}));
    Headers headers;
    add_upstream_header(headers, "x", value);
    CHECK(headers.size() == (expected ? 1 : 0));
}
