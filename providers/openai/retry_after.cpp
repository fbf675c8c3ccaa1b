#include "providers/openai/retry_after.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace sluice::openai {
namespace {

Wait from_headers(Headers const& headers, WallTime now) {
    for (std::string_view const name : {"retry-after-ms", "x-ms-retry-after-ms"}) {
        if (auto const wait = read_duration(find(headers, name), std::chrono::milliseconds(1))) return wait;
    }
    return read_wait(find(headers, "retry-after"), now);
}

bool is_empty(std::string_view remaining) { return remaining == "0" || remaining == "0.0"; }

/// `x-ratelimit-remaining-tokens: 0` makes `x-ratelimit-reset-tokens` count; the longest of all empty buckets.
Wait from_empty_buckets(Headers const& headers, WallTime now) {
    constexpr std::string_view remaining = "remaining";
    Wait longest;
    for (auto const& field : headers) {
        auto const at = field.name.find(remaining);
        if (at == std::string::npos || !is_empty(field.value)) continue;
        std::string reset(field.name);
        reset.replace(at, remaining.size(), "reset");
        auto const wait = read_wait(find(headers, reset), now);
        if (wait && (!longest || *wait > *longest)) longest = wait;
    }
    return longest;
}

}  // namespace

Wait wait_in_words(std::string_view message) {
    std::string text(message.substr(0, 2048));
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    for (std::string_view const words : {"retry after ", "again in ", "retry in ", "again after "}) {
        auto const at = text.find(words);
        if (at == std::string::npos) continue;
        if (auto const wait = read_duration(std::string_view(text).substr(at + words.size()))) return wait;
    }
    return std::nullopt;
}

Wait parse_retry_after(Headers const& headers, ErrorBody const& body, WallTime now) {
    if (auto const wait = from_headers(headers, now)) return wait;
    if (body.retry_after) return body.retry_after;
    if (auto const wait = wait_in_words(body.message)) return wait;
    return from_empty_buckets(headers, now);
}

}  // namespace sluice::openai
