#include "server/observe/byte_ring.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <thread>

using sluice::observe::ByteRing;

TEST_CASE("bytes come out as they went in, also across the seam", "[byte_ring]") {
    ByteRing ring(8);
    CHECK(ring.write("abcdef"));
    CHECK(ring.readable() == "abcdef");
    ring.take(5);
    CHECK(ring.write("1234567"));
    CHECK(ring.readable() == "f12");
    ring.take(3);
    CHECK(ring.readable() == "34567");
    ring.take(5);
    CHECK(ring.readable().empty());
}

TEST_CASE("what does not fit as a whole is refused, and leaves the ring as it was", "[byte_ring]") {
    ByteRing ring(8);
    CHECK(ring.write("12345678"));
    CHECK_FALSE(ring.write("9"));
    CHECK(ring.waiting() == 8);
    ring.take(1);
    CHECK_FALSE(ring.write("9a"));
    CHECK(ring.write("9"));
    CHECK_FALSE(ByteRing(8).write("123456789"));
}

TEST_CASE("one thread may write while another reads", "[byte_ring][threads]") {
    constexpr std::size_t total = 100'000;
    ByteRing ring(256);
    std::thread writer([&ring] {
        for (std::size_t i = 0; i < total;) {
            char const byte = static_cast<char>(i * 7);
            if (ring.write({&byte, 1})) ++i;
        }
    });
    std::size_t read = 0;
    std::size_t wrong = 0;
    while (read < total) {
        auto const bytes = ring.readable();
        for (char const byte : bytes) wrong += byte == static_cast<char>(read++ * 7) ? 0 : 1;
        ring.take(bytes.size());
    }
    writer.join();
    CHECK(wrong == 0);
}
