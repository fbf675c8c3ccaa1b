#include "server/lab/stats.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sluice::lab;
using nlohmann::json;

TEST_CASE("attempts are counted per key", "[lab][stats]") {
    Stats stats;
    CHECK(stats.count_attempt("a") == 1);
    CHECK(stats.count_attempt("a") == 2);
    CHECK(stats.count_attempt("b") == 1);
    CHECK(json::parse(stats.stats_json())["attempts"] == json{{"a", 2}, {"b", 1}});
}

TEST_CASE("the bill lists every request with what it delivered", "[lab][stats]") {
    Stats stats;
    Bill bill;
    bill.key = "r1";
    bill.model = "demo";
    bill.status = 200;
    bill.prompt = 5;
    bill.completion = 7;
    bill.ended = Ended::cancelled;
    stats.add(bill);
    auto totals = json::parse(stats.stats_json());
    CHECK(totals["tokens"]["completion_tokens"] == 7);
    CHECK(totals["cancelled"] == 1);
    CHECK(totals["answers"]["200"] == 1);
    auto line = json::parse(stats.bill_json())["bills"][0];
    CHECK(line["key"] == "r1");
    CHECK(line["ended"] == "cancelled");
}

TEST_CASE("the newest requests are kept, newest first", "[lab][stats]") {
    Stats stats;
    for (int i = 0; i < 20; ++i) {
        Request request;
        request.body = std::to_string(i);
        stats.keep(request);
    }
    auto recent = json::parse(stats.requests_json(8));
    REQUIRE(recent.size() == 8);
    CHECK(recent[0]["body"] == 19);
    CHECK(json::parse(stats.requests_json(1))["body_text"] == "19");
}

TEST_CASE("requests are counted per connection", "[lab][stats]") {
    Stats stats;
    auto first = stats.open_connection(), second = stats.open_connection();
    stats.begin_request(first);
    stats.begin_request(first);
    stats.begin_request(second);
    auto counted = json::parse(stats.stats_json())["requests_per_connection"];
    CHECK(counted == json{{std::to_string(first), 2}, {std::to_string(second), 1}});
}

TEST_CASE("a reset forgets everything but what is open", "[lab][stats]") {
    Stats stats;
    stats.begin_request(stats.open_connection());
    stats.count_attempt("a");
    stats.reset();
    auto totals = json::parse(stats.stats_json());
    CHECK(totals["requests"] == 0);
    CHECK(totals["attempts"].empty());
    CHECK(totals["open_connections"] == 1);
}
