#include "server/cli/usage/usage_report.hpp"

#include <catch2/catch.hpp>
#include <vector>

namespace sluice::cli {
namespace {

using store::UsageRow;

std::vector<UsageRow> rows() {
    UsageRow search{.name = "search", .calls = 1'200, .failed = 3, .cost = {12'345'678'901}, .open = 2};
    search.usage = {.input = 90'000, .output = 4'000, .cached_input = 50};
    search.reserved = {500'000'000};
    UsageRow const nobody{.name = "", .calls = 1, .cost = {-1'000}};
    return {search, nobody};
}

TEST_CASE("the table of usage is aligned, and ends with sums", "[usage]") {
    CHECK(usage_table("team", rows(), {}) ==
          "team      calls  failed  input  cached  output   cost USD  open  reserved USD\n"
          "search     1200       3  90000      50    4000      12.35     2        0.5000\n"
          "-             1       0      0       0       0  -0.000001     0             0\n"
          "together   1201       3  90000      50    4000      12.35     2        0.5000\n");
}

TEST_CASE("tags have no sum: a call may have several", "[usage]") {
    CHECK(usage_table("tag", rows(), {}).find("together") == std::string::npos);
}

TEST_CASE("usage in CSV has all digits, and quotes what needs it", "[usage]") {
    auto some = rows();
    some[0].name = "a, \"b\"";
    CHECK(usage_csv("team", some, {}) ==
          "team,calls,failed,estimated,input,cached_input,cache_write,output,reasoning,cost_usd,sheet_cost_usd,open,"
          "reserved_usd\r\n"
          "\"a, \"\"b\"\"\",1200,3,0,90000,50,0,4000,0,12.345678901,0,2,0.5\r\n"
          ",1,0,0,0,0,0,0,0,-0.000001,0,0,0\r\n");
}

TEST_CASE("usage in JSON has money as exact text and as a whole number", "[usage]") {
    auto const json = usage_json("team", rows(), {});
    CHECK(json.starts_with(R"({"by":"team","rows":[{"name":"search","calls":1200,)"));
    CHECK(json.find(R"("cost_usd":"12.345678901","cost_nano_usd":12345678901)") != std::string::npos);
    CHECK(json.find(R"("cost_usd":"-0.000001","cost_nano_usd":-1000)") != std::string::npos);
}

// Keys that are made while the gateway runs stand in the ledger with an id; people know their names.
TEST_CASE("a key is shown by its name and its id, one that is gone by its id", "[usage]") {
    UsageRow const made{.name = "k_1"};
    UsageRow const gone{.name = "k_2"};
    UsageRow const fixed{.name = "fixed"};
    std::vector const keys{made, gone, fixed};
    KeyNames const names{{"k_1", "search, ci"}, {"fixed", "fixed"}};
    auto const table = usage_table("key", keys, names);
    CHECK(table.find("\nsearch, ci (k_1)  ") != std::string::npos);
    CHECK(table.find("\nk_2  ") != std::string::npos);
    CHECK(table.find("\nfixed  ") != std::string::npos);
    auto const csv = usage_csv("key", keys, names);
    CHECK(csv.find("reserved_usd,key_name\r\n") != std::string::npos);
    CHECK(csv.find("k_1,0,0,0,0,0,0,0,0,0,0,0,0,\"search, ci\"\r\n") != std::string::npos);
    CHECK(csv.find("k_2,0,0,0,0,0,0,0,0,0,0,0,0,\r\n") != std::string::npos);
    auto const json = usage_json("key", keys, names);
    CHECK(json.find(R"({"name":"k_1","key":"search, ci","calls")") != std::string::npos);
    CHECK(json.find(R"({"name":"k_2","calls")") != std::string::npos);
    CHECK(json.find(R"({"name":"fixed","key":"fixed","calls")") != std::string::npos);
}

}  // namespace
}  // namespace sluice::cli
