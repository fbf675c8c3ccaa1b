// What an upstream answers instead of an answer: any status, headers and body. What becomes of it never carries a
// secret, more than a line, or a status that blames the client for the gateway; waits are bounded, and the plain ones
// are read as they are written.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/json/json_index.hpp"
#include "providers/openai/answer.hpp"
#include "providers/openai/errors.hpp"
#include "providers/openai/rate_limits.hpp"
#include "providers/openai/retry_after.hpp"
#include "tests/fuzz/cuts.hpp"

namespace {

using namespace sluice;
using namespace std::chrono_literals;

// 2026-11-06T08:49:37Z
constexpr openai::WallTime now{std::chrono::seconds(1'793'954'977)};
constexpr std::string_view secret = "sk-canary0123456789abcdefABCDEF0123456789";

struct Input {
    int status = 0;
    Headers headers;
    std::string body;
};

/// First line: the status. Then header lines up to a blank one, then the body; `@` stands for a secret.
Input read_input(std::string_view text) {
    Input input;
    auto const next_line = [&text] {
        auto const line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        return line;
    };
    for (char const c : next_line().substr(0, 3)) {
        if (c >= '0' && c <= '9') input.status = input.status * 10 + (c - '0');
    }
    while (!text.empty()) {
        auto const line = next_line();
        if (line.empty()) break;
        auto const colon = std::min(line.find(':'), line.size());
        auto value = line.substr(std::min(colon + 1, line.size()));
        value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
        std::string name(line.substr(0, colon));
        std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c | 0x20) : c; });
        input.headers.add(name, value);
    }
    for (char const c : text) c == '@' ? input.body += secret : input.body += c;
    return input;
}

void check_wait(openai::Wait wait) {
    fuzz::require(!wait || (*wait >= 0ms && *wait <= std::chrono::hours(24 * 31)), "a wait is neither past nor absurd");
}

/// `12`, `0.5` and so on are seconds, whatever else the reader knows.
void check_plain_seconds(std::string_view text) {
    bool const plain = !text.empty() && text.size() < 9 && text.front() != '.' && text.back() != '.' &&
                       std::ranges::count(text, '.') <= 1 &&
                       text.find_first_not_of("0123456789.") == std::string_view::npos;
    if (!plain) return;
    auto const wait = openai::read_wait(text, now);
    double const milliseconds = std::min(std::stod(std::string(text)) * 1000.0, 31.0 * 24 * 3.6e6);
    fuzz::require(wait && std::abs(static_cast<double>(wait->count()) - milliseconds) <= 1.0, "seconds are seconds");
}

void check_error(Error const& error, std::string_view body) {
    auto const text = to_error_body(error);
    auto const parsed = nlohmann::json::parse(text, nullptr, false);
    fuzz::require(parsed.is_object() && text.find('\n') == std::string::npos, "the client gets one line of JSON");
    auto const& shown = parsed.at("error");
    for (char const* member : {"message", "type", "param", "code"}) {
        fuzz::require(shown.contains(member), "all four members are there");
    }
    fuzz::require(error.message.str().size() <= 512 && error.message.str().find('\n') == std::string::npos,
                  "one short line");
    fuzz::require(text.find(secret) == std::string::npos, "the client gets no secret");
    // A secret is found by its form; glued to other letters or cut by an escape it has none.
    bool const whole = body.find(std::string(" ") + std::string(secret) + " ") != std::string_view::npos;
    fuzz::require(!whole || error.detail.find(secret) == std::string::npos, "the log gets no secret");
    auto const status = status_of(error);
    fuzz::require(status >= 400 && status <= 599, "the client gets an error");
    fuzz::require(status != 401 && status != 403, "the caller's key is fine");
    check_wait(error.retry_after);
}

/// What a client gets of an answer is JSON, whatever was mended in it.
void check_answer(std::string_view body, ReasoningTags const* tags) {
    std::string padded(body);
    padded.reserve(padded.size() + 64);
    auto const facts = openai::read_answer({}, padded, tags);
    if (!facts) return;
    std::string shown;
    for (auto const piece : spliced(padded, facts->edits)) shown += piece;
    JsonIndex index;
    fuzz::require(index.read(shown, {.surrogates = Surrogates::any}).has_value(), "a mended answer is JSON");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    auto const input = read_input({reinterpret_cast<char const*>(bytes), size});
    auto const error = openai::error_of_answer(input.status, input.headers, input.body, now);
    check_error(error, input.body);
    bool const same = openai::error_of_answer(input.status, input.headers, input.body, now) == error;
    fuzz::require(same, "the same answer is the same error");
    if (auto body = openai::parse_error_body(input.body))
        check_error(openai::error_in_body(std::move(*body)), input.body);
    for (auto const& field : input.headers) {
        check_wait(openai::read_wait(field.value, now));
        check_wait(openai::read_duration(field.value));
        check_plain_seconds(field.value);
    }
    check_wait(openai::wait_in_words(input.body));
    ReasoningTags const tags{.models = {}, .open = "<think>", .close = "</think>", .starts_open = size % 2 == 0};
    check_answer(input.body, nullptr);
    check_answer(input.body, &tags);
    for (auto const& bucket : openai::read_rate_limits(input.headers, now)) {
        fuzz::require(bucket.limit >= -1 && bucket.remaining >= -1, "a count is one, or unknown");
        check_wait(bucket.resets_in);
    }
    return 0;
}
