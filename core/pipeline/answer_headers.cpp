#include "core/pipeline/answer_headers.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace sluice {
namespace {

constexpr std::size_t longest_decimal = 24;

/// `count` units of 1 / `parts`, a power of ten, without trailing zeros. Returns where it ends.
char* write_decimal(char* at, std::int64_t count, std::int64_t parts) {
    count = std::max<std::int64_t>(count, 0);
    at = std::to_chars(at, at + longest_decimal, count / parts).ptr;
    auto fraction = count % parts;
    if (fraction == 0) return at;
    *at++ = '.';
    for (; fraction != 0; fraction %= parts) {
        parts /= 10;
        *at++ = static_cast<char>('0' + fraction / parts);
    }
    return at;
}

char* write_duration(char* at, std::string_view name, Duration duration) {
    at = std::ranges::copy(name, at).out;
    return write_decimal(at, std::chrono::duration_cast<std::chrono::microseconds>(duration).count(), 1'000);
}

/// Without its parameters, as the upstream wrote it.
std::string_view media_type(UpstreamHead const& head) {
    auto const value = find(head.headers, "content-type");
    auto const ends = [](char c) { return c == ';' || c == ' ' || c == '\t'; };
    return {value.begin(), std::find_if(value.begin(), value.end(), ends)};
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
    auto const same = [](char c, char wanted) {
        return (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) == wanted;
    };
    return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), same);
}

/// What frames a message, belongs to a connection, or speaks of the caller's own limits is never an upstream's to say.
bool is_set_by_us(std::string_view name) {
    constexpr std::array names{
        std::string_view("connection"),       std::string_view("content-length"), std::string_view("content-type"),
        std::string_view("content-encoding"), std::string_view("keep-alive"),     std::string_view("transfer-encoding"),
        std::string_view("upgrade"),          std::string_view("trailer"),        std::string_view("set-cookie"),
        std::string_view("x-request-id"),     std::string_view("x-should-retry"), std::string_view("server-timing")};
    return std::ranges::find(names, name) != names.end() || name.starts_with("x-sluice-") ||
           name.starts_with("x-ratelimit-") || name.starts_with("retry-after");
}

}  // namespace

bool has_type(UpstreamHead const& head, std::string_view wanted) {
    return equals_ignoring_case(media_type(head), wanted);
}

bool has_json(UpstreamHead const& head) {
    constexpr std::string_view suffix = "+json";
    auto const type = media_type(head);
    return equals_ignoring_case(type, "application/json") ||
           (type.size() >= suffix.size() && equals_ignoring_case(type.substr(type.size() - suffix.size()), suffix));
}

ServerTiming::ServerTiming(AnswerTiming const& timing) {
    char* at = write_duration(text_.data(), "gw;dur=", timing.own);
    at = write_duration(at, ", queue;dur=0, up;dur=", timing.upstream);
    if (timing.first_token) at = write_duration(at, ", ttft;dur=", *timing.first_token);
    size_ = static_cast<std::size_t>(at - text_.data());
}

std::string to_usd(NanoUsd cost) {
    std::array<char, longest_decimal> text;
    return {text.data(), write_decimal(text.data(), cost.count, 1'000'000'000)};
}

Headers stream_headers(std::string_view request_id) {
    Headers headers;
    headers.reserve(8);
    headers.add("content-type", "text/event-stream; charset=utf-8");
    headers.add("cache-control", "no-store");
    headers.add("x-accel-buffering", "no");
    headers.add("x-request-id", request_id);
    return headers;
}

void add_route_headers(Headers& headers, Attempt const* last, std::size_t attempts, AnswerTiming const& timing) {
    if (last != nullptr) {
        headers.add("x-sluice-provider", last->provider);
        headers.add("x-sluice-model", last->target_model);
    }
    headers.add_number("x-sluice-attempts", static_cast<std::int64_t>(attempts));
    headers.add("server-timing", ServerTiming(timing));
}

void add_receipt(Headers& headers, std::vector<Adjustment> const& adjustments) {
    if (adjustments.empty()) return;
    std::string text;
    for (auto const& adjustment : adjustments) {
        if (!text.empty()) text += ", ";
        text.append("\"").append(adjustment.field).append("\";change=").append(to_string(adjustment.kind));
        text.append(";severity=").append(to_string(adjustment.severity));
    }
    headers.add("x-sluice-adjusted", text);
}

void add_upstream_header(Headers& headers, std::string_view name, std::string_view value) {
    auto visible = [](char c) { return c > 0x20 && c < 0x7F; };
    if (value.empty() || value.size() > 128 || !std::all_of(value.begin(), value.end(), visible)) return;
    headers.add(name, value);
}

void add_upstream_text(Headers& headers, std::string_view name, std::string_view value) {
    auto const is_text = [](char c) { return c >= 0x20 && c < 0x7F; };
    if (value.empty() || value.size() > 1024 || !std::all_of(value.begin(), value.end(), is_text)) return;
    if (is_set_by_us(name) || std::ranges::any_of(headers, [name](auto const& field) { return field.name == name; })) {
        return;
    }
    headers.add(name, value);
}

}  // namespace sluice
