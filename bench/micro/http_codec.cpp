// What one request head and one KiB of chunked body cost: our codec beside Beast's parsers, over the same bytes.
// Usage: bench_http_codec [rounds]. Prints the fastest of several runs, because everything else is noise from outside.
#include <algorithm>
#include <array>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/chunked.hpp"
#include "server/http/request_head.hpp"
#include "server/http/response_head.hpp"

namespace {

namespace beast = boost::beast;
namespace http = sluice::http;

/// As the official Python SDK sends it, with two fields of a proxy in front.
constexpr std::string_view request_head =
    "POST /v1/chat/completions HTTP/1.1\r\n"
    "Host: gateway.internal.example:8080\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Connection: keep-alive\r\n"
    "Accept: application/json\r\n"
    "Content-Type: application/json\r\n"
    "User-Agent: OpenAI/Python 1.99.1\r\n"
    "X-Stainless-Lang: python\r\n"
    "X-Stainless-Package-Version: 1.99.1\r\n"
    "X-Stainless-OS: Linux\r\n"
    "X-Stainless-Arch: x64\r\n"
    "X-Stainless-Runtime: CPython\r\n"
    "X-Stainless-Runtime-Version: 3.11.2\r\n"
    "Authorization: Bearer sk-0123456789abcdefghijklmnopqrstuvwxyz0123\r\n"
    "X-Stainless-Async: false\r\n"
    "x-stainless-retry-count: 0\r\n"
    "x-stainless-read-timeout: 600\r\n"
    "X-Forwarded-For: 192.0.2.17\r\n"
    "Content-Length: 1024\r\n"
    "\r\n";

constexpr std::string_view response_head =
    "HTTP/1.1 200 OK\r\n"
    "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    "Content-Type: text/event-stream; charset=utf-8\r\n"
    "Transfer-Encoding: chunked\r\n"
    "Connection: keep-alive\r\n"
    "openai-organization: example\r\n"
    "openai-processing-ms: 212\r\n"
    "openai-version: 2020-10-01\r\n"
    "x-ratelimit-limit-requests: 10000\r\n"
    "x-ratelimit-limit-tokens: 2000000\r\n"
    "x-ratelimit-remaining-requests: 9999\r\n"
    "x-ratelimit-remaining-tokens: 1999984\r\n"
    "x-ratelimit-reset-requests: 6ms\r\n"
    "x-ratelimit-reset-tokens: 0s\r\n"
    "x-request-id: req_0123456789abcdef0123456789abcdef\r\n"
    "\r\n";

std::size_t sink = 0;  // printed at the end, so that nothing is optimised away

template <class Work>
double nanoseconds_per_call(int rounds, Work work) {
    double best = 1e18;
    for (int run = 0; run < 9; ++run) {
        auto const begin = std::chrono::steady_clock::now();
        for (int i = 0; i < rounds; ++i) work();
        std::chrono::duration<double, std::nano> const spent = std::chrono::steady_clock::now() - begin;
        best = std::min(best, spent.count() / rounds);
    }
    return best;
}

void row(char const* what, double ours, double beasts) {
    std::printf("%-44s %9.1f %9.1f %7.1fx\n", what, ours, beasts, beasts / ours);
}

template <class Parser>
double our_head(std::string_view bytes, int rounds) {
    Parser parser;
    return nanoseconds_per_call(rounds, [&parser, bytes] {
        parser.reset();
        if (parser.parse(bytes) != http::HeadState::complete) std::abort();
        sink += parser.head().fields.size();
    });
}

template <bool is_request>
double beast_head(std::string_view bytes, int rounds) {
    return nanoseconds_per_call(rounds, [bytes] {
        beast::http::parser<is_request, beast::http::buffer_body> parser;
        parser.header_limit(32 * 1024);
        beast::error_code ec;
        parser.put(boost::asio::buffer(bytes.data(), bytes.size()), ec);
        if (ec || !parser.is_header_done()) std::abort();
        sink += static_cast<std::size_t>(std::distance(parser.get().begin(), parser.get().end()));
    });
}

double our_single_bytes(std::string_view bytes, int rounds) {
    http::RequestHeadParser parser;
    return nanoseconds_per_call(rounds, [&parser, bytes] {
        parser.reset();
        for (std::size_t size = 1; size <= bytes.size(); ++size)
            sink += parser.parse(bytes.substr(0, size)) == http::HeadState::complete;
    });
}

double beast_single_bytes(std::string_view bytes, int rounds) {
    return nanoseconds_per_call(rounds, [bytes] {
        beast::http::request_parser<beast::http::buffer_body> parser;
        parser.header_limit(32 * 1024);
        std::size_t begin = 0;
        for (std::size_t size = 1; size <= bytes.size() && !parser.is_header_done(); ++size) {
            beast::error_code ec;
            begin += parser.put(boost::asio::buffer(bytes.data() + begin, size - begin), ec);
        }
        sink += parser.is_header_done();
    });
}

/// 64 KiB of payload, in chunks of this size.
std::string chunked_body(std::size_t chunk) {
    std::string const payload(chunk, 'a');
    std::string wire;
    for (std::size_t sent = 0; sent < 64 * 1024; sent += chunk) {
        std::array<char, 20> room{};
        wire.append(http::chunk_header(room, chunk)).append(payload).append(http::chunk_end);
    }
    return wire.append(http::last_chunk);
}

constexpr std::size_t read_size = 16 * 1024;

/// Both sides copy each read into a scratch buffer first, as a socket would.
double our_chunks(std::string const& wire, int rounds) {
    std::vector<char> scratch(read_size);
    return nanoseconds_per_call(rounds, [&wire, &scratch] {
        http::ChunkedDecoder decoder;
        for (std::size_t begin = 0; begin < wire.size(); begin += read_size) {
            std::size_t const size = std::min(read_size, wire.size() - begin);
            std::memcpy(scratch.data(), wire.data() + begin, size);
            sink += decoder.decode(scratch.data(), size).payload;
        }
        if (!decoder.done()) std::abort();
    });
}

/// Beast hands payload out through buffer_body, one piece of a chunk for each call of `put`.
double beast_chunks(std::string const& wire, int rounds) {
    std::vector<char> scratch(read_size + 1024);
    std::vector<char> payload(read_size);
    constexpr std::string_view head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    return nanoseconds_per_call(rounds, [&wire, &scratch, &payload, head] {
        beast::http::response_parser<beast::http::buffer_body> parser;
        parser.body_limit(boost::none);
        beast::error_code ec;
        parser.put(boost::asio::buffer(head.data(), head.size()), ec);
        std::size_t kept = 0;
        for (std::size_t begin = 0; begin < wire.size(); begin += read_size) {
            std::size_t const size = std::min(read_size, wire.size() - begin);
            std::memcpy(scratch.data() + kept, wire.data() + begin, size);
            std::size_t const end = kept + size;
            std::size_t used = 0;
            while (used < end && !parser.is_done()) {
                parser.get().body().data = payload.data();
                parser.get().body().size = payload.size();
                std::size_t const taken = parser.put(boost::asio::buffer(scratch.data() + used, end - used), ec);
                sink += payload.size() - parser.get().body().size;
                used += taken;
                if (taken == 0) break;
            }
            kept = end - used;
            std::memmove(scratch.data(), scratch.data() + used, kept);
        }
        if (!parser.is_done()) std::abort();
    });
}

void bench_chunks(std::size_t chunk, int rounds) {
    std::string const wire = chunked_body(chunk);
    std::string const name = "chunked body, chunks of " + std::to_string(chunk) + ", per KiB";
    row(name.c_str(), our_chunks(wire, rounds) / 64, beast_chunks(wire, rounds) / 64);
}

}  // namespace

int main(int argc, char** argv) {
    int const rounds = argc > 1 ? std::atoi(argv[1]) : 20'000;
    std::printf("%-44s %9s %9s\n", "nanoseconds", "ours", "Beast");
    row("request head, 18 fields, 602 bytes", our_head<http::RequestHeadParser>(request_head, rounds),
        beast_head<true>(request_head, rounds));
    row("response head, 15 fields", our_head<http::ResponseHeadParser>(response_head, rounds),
        beast_head<false>(response_head, rounds));
    row("request head in single bytes", our_single_bytes(request_head, rounds / 20),
        beast_single_bytes(request_head, rounds / 20));
    for (std::size_t const chunk : {64, 256, 1024, 16384}) bench_chunks(chunk, rounds / 20);
    std::printf("(%zu)\n", sink);
    return 0;
}
