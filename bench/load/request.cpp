#include "request.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace sluice::bench {
namespace {

constexpr std::string_view nonce_mark = "@NONCE@";
constexpr std::size_t message_bytes = 2048;  // a long body is a long conversation, not one huge string

std::string read_file(std::string const& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// `size` bytes of prose with the escapes that real prompts have.
std::string prose(std::size_t size) {
    constexpr std::string_view sentence = "The quick brown fox said \\\"no\\\" and jumped over the lazy dog.\\n";
    std::string text;
    while (text.size() + sentence.size() <= size) text += sentence;
    return text.append(size - text.size(), '.');
}

/// A chat body of `options.body_bytes`, or the smallest there is.
std::string generated_body(Options const& options) {
    auto body = fmt::format(R"({{"model":"{}",)", options.model);
    if (options.mode != Mode::json) body += R"("stream":true,)";
    if (!options.lab.empty()) body += fmt::format(R"("lab":{},)", options.lab);
    body += R"("temperature":0.7,"messages":[{"role":"system","content":"You are brief."})";
    constexpr std::string_view user = R"(,{"role":"user","content":")";
    constexpr std::string_view assistant = R"(,{"role":"assistant","content":")";
    constexpr std::string_view end = R"("})";
    constexpr std::string_view close = "]}";
    std::size_t const frame = user.size() + end.size() + close.size();
    for (bool by_user = true; body.size() + frame < options.body_bytes || by_user; by_user = !by_user) {
        std::size_t room = options.body_bytes > body.size() + frame ? options.body_bytes - body.size() - frame : 1;
        body += by_user ? user : assistant;
        body += prose(room < 2 * message_bytes ? room : message_bytes);
        body += end;
        if (room < 2 * message_bytes) break;
    }
    return body.append(close);
}

}  // namespace

Nonce make_nonce(std::uint64_t number) {
    Nonce nonce{};
    for (std::size_t i = nonce.size(); i-- > 0; number >>= 4) nonce[i] = "0123456789abcdef"[number & 15];
    return nonce;
}

RequestText make_request(Options const& options) {
    auto body = options.body_file.empty() ? generated_body(options) : read_file(options.body_file);
    auto mark = body.find(nonce_mark);
    bool const has_nonce = mark != std::string::npos;
    std::size_t const length = has_nonce ? body.size() - nonce_mark.size() + Nonce{}.size() : body.size();

    auto head = fmt::format("POST {} HTTP/1.1\r\nhost: {}:{}\r\ncontent-type: application/json\r\naccept: */*\r\n",
                            options.path, options.address, options.port);
    for (auto const& header : options.headers) head += header + "\r\n";
    head += fmt::format("content-length: {}\r\n\r\n", length);

    if (!has_nonce) return {head + body, "", false};
    return {head + body.substr(0, mark), body.substr(mark + nonce_mark.size()), true};
}

}  // namespace sluice::bench
