// What the OpenAI dialect costs: nanoseconds for each chunk of a stream, microseconds for each request that is read.
// Usage: bench_dialect [milliseconds for each line]. Prints the fastest of several runs, because everything else is
// noise from outside.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bench/micro/fastest.hpp"
#include "core/types/chat_request.hpp"
#include "providers/openai/answer.hpp"
#include "providers/openai/stream_decoder.hpp"
#include "server/api/chat_request_reader.hpp"

namespace {

using namespace sluice;
using bench::fastest;

/// A chunk as OpenAI sends it, about 300 bytes.
std::string chunk(std::string_view usage) {
    return R"(data: {"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk","created":1741569952,)"
           R"("model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_44709d6fcb","choices":)"
           R"([{"index":0,"delta":{"content":" Hello"},"logprobs":null,"finish_reason":null}],"usage":)" +
           std::string(usage) + R"(,"obfuscation":"a1b2c3"})" + "\n\n";
}

std::string with_crlf(std::string const& text) {
    std::string out;
    for (char const c : text) out += c == '\n' ? std::string("\r\n") : std::string(1, c);
    return out;
}

void bench_pieces(char const* name, std::string const& one, int chunks, std::chrono::milliseconds length) {
    std::string piece;
    for (int i = 0; i < chunks; ++i) piece += one;
    auto const size = piece.size();
    piece.append(64, ' ');
    auto decoder = openai::make_stream_decoder({}, 1024 * 1024);
    StreamStep step;
    auto const taken = fastest(length, [&decoder, &step, &piece, size] { decoder->feed({piece.data(), size}, step); });
    if (step.error || step.relay.empty()) std::abort();
    std::printf("%-44s %8.0f ns a chunk (%zu bytes)\n", name, taken / chunks, one.size());
}

/// Two pieces for each chunk: the second half of one and the first half of the next.
void bench_cut(std::string const& one, std::chrono::milliseconds length) {
    std::string const piece = one.substr(150) + one.substr(0, 150) + std::string(64, ' ');
    auto decoder = openai::make_stream_decoder({}, 1024 * 1024);
    StreamStep step;
    std::string const first = one.substr(0, 150) + std::string(64, ' ');
    decoder->feed({first.data(), 150}, step);
    auto const taken =
        fastest(length, [&decoder, &step, &piece, &one] { decoder->feed({piece.data(), one.size()}, step); });
    if (step.error || step.relay.empty()) std::abort();
    std::printf("%-44s %8.0f ns a chunk (%zu bytes)\n", "each cut between two pieces", taken, one.size());
}

std::string request(std::size_t text_size, std::string_view text) {
    std::string body =
        R"({"model":"gpt-4o-mini","messages":[{"role":"system","content":"You are a helpful assistant."},)"
        R"({"role":"user","content":")";
    while (body.size() < text_size) body += text;
    return body + R"("}],"temperature":0.2,"max_tokens":1000,"stream":true,"stream_options":{"include_usage":true}})";
}

std::string with_tools(std::size_t size) {
    std::string body = R"({"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}],"tools":[)";
    while (body.size() < size) {
        body +=
            R"({"type":"function","function":{"name":"weather","description":"Where and when","parameters":{"type":"object",)"
            R"("properties":{"city":{"type":"string"},"days":{"type":"integer","minimum":1,"maximum":16}},"required":["city"]}}},)";
    }
    body.back() = ']';
    return body + "}";
}

void bench_request(char const* name, std::string const& body, std::chrono::milliseconds length) {
    bool failed = false;
    auto const taken = fastest(length, [&body, &failed] { failed |= !read_chat_request(body, {}); });
    if (failed) std::abort();
    std::printf("%-44s %8.2f us (%zu bytes)\n", name, taken / 1e3, body.size());
}

void bench_answer(std::chrono::milliseconds length) {
    std::string const body =
        R"({"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-mini","choices":[{"index":0,)"
        R"("message":{"role":"assistant","content":"Hello! How can I help?","refusal":null},"logprobs":null,)"
        R"("finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,)"
        R"("prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}})";
    ChatRequest const asked;
    bool failed = false;
    auto const taken = fastest(length, [&body, &asked, &failed] { failed |= !openai::read_answer(asked, body); });
    if (failed) std::abort();
    std::printf("%-44s %8.2f us (%zu bytes)\n", "read a whole answer", taken / 1e3, body.size());
}

}  // namespace

int main(int argc, char** argv) {
    std::chrono::milliseconds const length(argc > 1 ? std::atoi(argv[1]) : 500);
    bench_pieces("ten chunks in a piece", chunk("null"), 10, length);
    bench_pieces("one chunk in a piece", chunk("null"), 1, length);
    bench_pieces("ten chunks in a piece, with CRLF", with_crlf(chunk("null")), 10, length);
    bench_pieces("ten chunks in a piece, each with usage", chunk(R"({"prompt_tokens":5,"completion_tokens":2})"), 10,
                 length);
    bench_cut(chunk("null"), length);
    bench_answer(length);
    bench_request("read a request of 1 KB", request(800, "lorem ipsum dolor sit amet, "), length);
    bench_request("read a request of 100 KB, plain text", request(100'000, "lorem ipsum dolor sit amet, "), length);
    bench_request("read a request of 100 KB, code", request(100'000, "    if (x == \\\"y\\\") return 0;\\n"), length);
    bench_request("read a request of 100 KB, tool schemas", with_tools(100'000), length);
    return 0;
}
