#include "core/types/network.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace sluice;

TEST_CASE("a network holds the addresses that begin like it", "[network]") {
    struct Row {
        char const* network;
        char const* address;
        bool inside;
    };
    std::vector<Row> const rows{
        {"10.0.0.0/8", "10.255.1.2", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},  // IPv4 on a dual-stack listener
        {"192.0.2.128/25", "192.0.2.129", true},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.8", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "10.0.0.1", true},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::1", "::1", true},
        {"::1", "0:0:0:0:0:0:0:1", true},
        {"fe80::/10", "fe80::1:2", true},
        {"10.0.0.0/8", "no address", false},
        {"10.0.0.0/8", "", false},
    };
    for (auto const& row : rows) {
        CAPTURE(row.network, row.address);
        auto const network = read_network(row.network);
        REQUIRE(network);
        CHECK(contains(*network, row.address) == row.inside);
    }
}

TEST_CASE("what is no network is refused", "[network]") {
    auto const* const text = GENERATE(
        "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8 ", "10.0.0.1/8", "10.0.0/8", "10.0.0.256",
        "010.0.0.1", "1.2.3.4.5", "office", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3",
        "12345::", "::g", "::1/129", "::ffff:1.2.3", "1.2.3.4::", "::1/8", "1:", "::1:", "[::1]", "fe80::1%eth0");
    CAPTURE(text);
    CHECK_FALSE(read_network(text));
}
