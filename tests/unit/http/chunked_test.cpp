#include "server/http/chunked.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <string>
#include <vector>

#include "tests/unit/http/feeding.hpp"

namespace sluice::http {

namespace {

using namespace std::string_literals;

struct Decoded {
    std::string payload;
    std::size_t consumed = 0;
    bool done = false;
    ChunkError error = ChunkError::none;

    friend bool operator==(Decoded const&, Decoded const&) = default;
};

void feed(ChunkedDecoder& decoder, std::string_view bytes, Decoded& decoded) {
    testing::Buffer buffer(bytes);
    auto const step = decoder.decode(buffer.data(), buffer.size());
    decoded.payload += buffer.view().substr(0, step.payload);
    decoded.consumed += step.consumed;
    decoded.done = step.done;
    decoded.error = step.error;
}

Decoded decode(std::string_view body, std::size_t piece = std::string::npos) {
    ChunkedDecoder decoder;
    Decoded decoded;
    for (std::size_t begin = 0; begin < body.size(); begin += std::min(piece, body.size())) {
        feed(decoder, body.substr(begin, piece), decoded);
        if (decoded.done || decoded.error != ChunkError::none) break;
    }
    return decoded;
}

Decoded decode_in_two(std::string_view body, std::size_t cut) {
    ChunkedDecoder decoder;
    Decoded decoded;
    feed(decoder, body.substr(0, cut), decoded);
    if (!decoded.done && decoded.error == ChunkError::none) feed(decoder, body.substr(cut), decoded);
    return decoded;
}

}  // namespace

TEST_CASE("a chunked body comes out whole, wherever it is cut, and what follows it is left alone", "[http][chunked]") {
    auto [body, payload] = GENERATE(table<std::string, std::string>({
        {"0\r\n\r\n", ""},
        {"5\r\nhello\r\n0\r\n\r\n", "hello"},
        {"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"},
        {"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n000\r\n\r\n", "abc"},
        {"A\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
        {"a\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
        {"00000000000000a\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
        {"4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"},
        {"5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"},
        {"3;a\r\nxyz\r\n0;b=c\r\n\r\n", "xyz"},
        {"3;a=b;c=\"d;e\\\"\"\r\nxyz\r\n0\r\n\r\n", "xyz"},
        {"3 \t;\ta = b ; c =\t\"d \x80\"\r\nxyz\r\n0\r\n\r\n", "xyz"},
        {"3;a=\"\"\r\nxyz\r\n0\r\n\r\n", "xyz"},
        {"3\r\nxyz\r\n0\r\nDigest: a\r\nX:\r\n\r\n", "xyz"},
        {"3\r\nxyz\r\n0\r\nContent-Length: 5\r\nTransfer-Encoding: gzip\r\n\r\n", "xyz"},
    }));
    CAPTURE(body);
    Decoded const expected{payload, body.size(), true, ChunkError::none};
    std::string const wire = body + "GET / HTTP/1.1\r\n";
    CHECK(decode(wire) == expected);
    for (std::size_t cut = 0; cut <= body.size(); ++cut) {
        CAPTURE(cut);
        CHECK(decode_in_two(wire, cut) == expected);
    }
    for (std::size_t const piece : {1, 2, 3, 7}) CHECK(decode(wire, piece) == expected);
}

TEST_CASE("a malformed chunked body is refused for what is wrong with it, wherever it is cut", "[http][chunked]") {
    using enum ChunkError;
    auto [body, error] = GENERATE(table<std::string, ChunkError>({
        {"\r\n", bad_size},
        {" 5\r\nhello", bad_size},
        {"g\r\n", bad_size},
        {"0x5\r\nhello", bad_size},
        {"-5\r\nhello", bad_size},
        {"+5\r\nhello", bad_size},
        {"5 \r\nhello", bad_size},
        {"5\t\r\nhello", bad_size},
        {"5 5\r\nhello", bad_size},
        {"5,5\r\nhello", bad_size},
        {"5.\r\nhello", bad_size},
        {"5_\r\nhello", bad_size},
        {"5\0\r\nhello"s, bad_size},
        {"0000000000000005\r\nhello", bad_size},
        {"fffffffffffffffff\r\nhello", bad_size},
        {"1000000000000000\r\n", bad_size},
        {"\x80\r\n", bad_size},
        {";a\r\n", bad_size},
        {"5\nhello\r\n", bad_line_end},
        {"5\rhello\r\n", bad_line_end},
        {"5\r\rhello\r\n", bad_line_end},
        {"5;a\nhello\r\n", bad_line_end},
        {"5;a\rb\r\nhello\r\n", bad_line_end},
        {"5;a\x01\r\nhello\r\n", bad_line_end},
        {"5;a=\"b\0\"\r\nhello\r\n"s, bad_line_end},
        {"5;a=\"b\r\nhello\r\n", bad_line_end},
        {"5;a=\"b\rc\"\r\nhello\r\n", bad_line_end},
        {"5;a=\"b\n\"\r\nhello\r\n", bad_line_end},
        {"5;a=\"b\\\r\n\"\r\nhello\r\n", bad_line_end},
        {"5;\r\nhello\r\n", bad_extension},
        {"5; \r\nhello\r\n", bad_extension},
        {"5;;a\r\nhello\r\n", bad_extension},
        {"5;=a\r\nhello\r\n", bad_extension},
        {"5;a=\r\nhello\r\n", bad_extension},
        {"5;a=;b\r\nhello\r\n", bad_extension},
        {"5;a \r\nhello\r\n", bad_extension},
        {"5;a=b \r\nhello\r\n", bad_extension},
        {"5;a b\r\nhello\r\n", bad_extension},
        {"5;a=b c\r\nhello\r\n", bad_extension},
        {"5;a=b=c\r\nhello\r\n", bad_extension},
        {"5;a=\"b\"c\r\nhello\r\n", bad_extension},
        {"5;a=\"b\" \r\nhello\r\n", bad_extension},
        {"5;a(\r\nhello\r\n", bad_extension},
        {"5;a=b,c\r\nhello\r\n", bad_extension},
        {"5;\x80\r\nhello\r\n", bad_extension},
        {"5\r\nhello0\r\n\r\n", bad_data_end},
        {"5\r\nhello\n0\r\n\r\n", bad_data_end},
        {"5\r\nhello\r0\r\n\r\n", bad_data_end},
        {"5\r\nhello world\r\n", bad_data_end},
        {"5\r\nhello\r\n\r\n", bad_size},
        {"5\r\nhello\r\n0\r\n\n", bad_line_end},
        {"5\r\nhello\r\n0\r\n\rX", bad_line_end},
        {"0\r\nX: a\n\r\n", bad_line_end},
        {"0\r\nX: a\rb\r\n\r\n", bad_line_end},
        {"0\r\nX: \0\r\n\r\n"s, bad_line_end},
        {"0\r\nX : a\r\n\r\n", bad_trailer},
        {"0\r\n: a\r\n\r\n", bad_trailer},
        {"0\r\nabc\r\n\r\n", bad_trailer},
        {"0\r\nX: a\r\n b\r\n\r\n", bad_trailer},
        {"0\r\n\tX: a\r\n\r\n", bad_trailer},
        {"0\r\nGET / HTTP/1.1\r\n\r\n", bad_trailer},
    }));
    CAPTURE(body);
    Decoded const whole = decode(body);
    CHECK(whole.error == error);
    CHECK_FALSE(whole.done);
    for (std::size_t cut = 0; cut <= body.size(); ++cut) {
        CAPTURE(cut);
        CHECK(decode_in_two(body, cut) == whole);
    }
    CHECK(decode(body, 1) == whole);
}

TEST_CASE("a truncated chunked body is never done", "[http][chunked]") {
    std::string const body = "5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n";
    for (std::size_t size = 0; size < body.size(); ++size) {
        CAPTURE(size);
        Decoded const decoded = decode(std::string_view(body).substr(0, size));
        CHECK_FALSE(decoded.done);
        CHECK(decoded.error == ChunkError::none);
        CHECK(decoded.consumed == size);
    }
}

TEST_CASE("payload of many chunks in one read is compacted to its front", "[http][chunked]") {
    std::string wire;
    std::string payload;
    for (int i = 0; i < 200; ++i) {
        std::string const event = "data: {\"n\":" + std::to_string(i) + "}\n\n";
        std::array<char, 20> room{};
        wire += std::string(chunk_header(room, event.size())) + event + "\r\n";
        payload += event;
    }
    wire += last_chunk;
    CHECK(decode(wire) == Decoded{payload, wire.size(), true, ChunkError::none});
    CHECK(decode(wire, 13) == Decoded{payload, wire.size(), true, ChunkError::none});
}

TEST_CASE("extensions are limited over the whole body, not per chunk", "[http][chunked]") {
    std::string const chunk = "1;" + std::string(1023, 'a') + "\r\nx\r\n";
    ChunkedDecoder decoder;
    Decoded decoded;
    for (int i = 0; i < 64; ++i) feed(decoder, chunk, decoded);
    CHECK(decoded.error == ChunkError::none);
    feed(decoder, "1;a\r\n", decoded);
    CHECK(decoded.error == ChunkError::extensions_too_large);
    CHECK(describe(decoded.error).status == 413);
}

TEST_CASE("trailers of more than 8 KiB are refused", "[http][chunked]") {
    CHECK(decode("0\r\nX: " + std::string(8189, 'a') + "\r\n\r\n").done);
    CHECK(decode("0\r\nX: " + std::string(8190, 'a') + "\r\n\r\n").error == ChunkError::trailers_too_large);
    std::string many;
    for (int i = 0; i < 2049; ++i) many += "X:yz\r\n";
    CHECK(decode("0\r\n" + many + "\r\n").error == ChunkError::trailers_too_large);
}

TEST_CASE("what a chunk announces counts before it has arrived", "[http][chunked]") {
    ChunkedDecoder decoder;
    Decoded decoded;
    feed(decoder, "5\r\nhello\r\nfffffff\r\nab", decoded);
    CHECK(decoder.announced() == 5 + 0xfffffff);
    CHECK(decoded.payload == "helloab");
}

TEST_CASE("the end and an error are final until the decoder is reset", "[http][chunked]") {
    ChunkedDecoder decoder;
    Decoded decoded;
    feed(decoder, "0\r\n\r\n", decoded);
    REQUIRE(decoder.done());
    feed(decoder, "5\r\nhello", decoded);
    CHECK(decoded == Decoded{"", 5, true, ChunkError::none});

    decoder.reset();
    feed(decoder, "x", decoded);
    CHECK(decoded.error == ChunkError::bad_size);
    feed(decoder, "0\r\n\r\n", decoded);
    CHECK(decoded.error == ChunkError::bad_size);
    CHECK_FALSE(decoded.done);

    decoder.reset();
    feed(decoder, "2\r\nok\r\n0\r\n\r\n", decoded);
    CHECK(decoded.payload == "ok");
    CHECK(decoded.done);
}

TEST_CASE("an empty read changes nothing", "[http][chunked]") {
    ChunkedDecoder decoder;
    auto const step = decoder.decode(nullptr, 0);
    CHECK(step.payload == 0);
    CHECK(step.consumed == 0);
    CHECK_FALSE(step.done);
}

TEST_CASE("a chunk header is the size in plain hexadecimal", "[http][chunked]") {
    std::array<char, 20> room{};
    CHECK(chunk_header(room, 1) == "1\r\n");
    CHECK(chunk_header(room, 0x1a3) == "1a3\r\n");
    CHECK(chunk_header(room, 16) == "10\r\n");
    CHECK(chunk_header(room, std::numeric_limits<std::size_t>::max()) == "ffffffffffffffff\r\n");
}

}  // namespace sluice::http
