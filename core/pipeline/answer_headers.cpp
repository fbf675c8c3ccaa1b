#include "core/pipeline/answer_headers.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace sluice {
namespace {

/// `count` units of 10^-digits, without trailing zeros.
void append_decimal(std::string& out, std::int64_t count, std::size_t digits) {
    char buffer[24];
    auto const end = std::to_chars(buffer, buffer + sizeof buffer, std::max<std::int64_t>(count, 0)).ptr;
    std::string_view const text(buffer, static_cast<std::size_t>(end - buffer));
    auto const whole = text.size() > digits ? text.size() - digits : 0;
    if (whole == 0) out += '0';
    out += text.substr(0, whole);
    auto fraction = text.substr(whole);
    fraction = fraction.substr(0, fraction.find_last_not_of('0') + 1);
    if (fraction.empty()) return;
    out += '.';
    out.append(whole == 0 ? digits - text.size() : 0, '0');
    out += fraction;
}

void append_duration(std::string& out, std::string_view name, Duration duration) {
    out += name;
    append_decimal(out, std::chrono::duration_cast<std::chrono::microseconds>(duration).count(), 3);
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

std::string server_timing(AnswerTiming const& timing) {
    std::string text;
    text.reserve(64);
    append_duration(text, "gw;dur=", timing.own);
    text += ", queue;dur=0";
    append_duration(text, ", up;dur=", timing.upstream);
    if (timing.first_token) append_duration(text, ", ttft;dur=", *timing.first_token);
    return text;
}

std::string to_usd(NanoUsd cost) {
    std::string text;
    append_decimal(text, cost.count, 9);
    return text;
}

Headers stream_headers(std::string_view request_id) {
    Headers headers;
    headers.reserve(8);
    headers.emplace_back("content-type", "text/event-stream; charset=utf-8");
    headers.emplace_back("cache-control", "no-store");
    headers.emplace_back("x-accel-buffering", "no");
    headers.emplace_back("x-request-id", std::string(request_id));
    return headers;
}

void add_route_headers(Headers& headers, Attempt const* last, std::size_t attempts, AnswerTiming const& timing) {
    if (last != nullptr) {
        headers.emplace_back("x-sluice-provider", last->provider);
        headers.emplace_back("x-sluice-model", last->target_model);
    }
    headers.emplace_back("x-sluice-attempts", std::to_string(attempts));
    headers.emplace_back("server-timing", server_timing(timing));
}

void add_receipt(Headers& headers, std::vector<Adjustment> const& adjustments) {
    if (adjustments.empty()) return;
    std::string text;
    for (auto const& adjustment : adjustments) {
        if (!text.empty()) text += ", ";
        text.append("\"").append(adjustment.field).append("\";change=").append(to_string(adjustment.kind));
        text.append(";severity=").append(to_string(adjustment.severity));
    }
    headers.emplace_back("x-sluice-adjusted", std::move(text));
}

void add_upstream_header(Headers& headers, std::string_view name, std::string_view value) {
    auto visible = [](char c) { return c > 0x20 && c < 0x7F; };
    if (value.empty() || value.size() > 128 || !std::all_of(value.begin(), value.end(), visible)) return;
    headers.emplace_back(std::string(name), std::string(value));
}

void add_upstream_text(Headers& headers, std::string_view name, std::string_view value) {
    auto const is_text = [](char c) { return c >= 0x20 && c < 0x7F; };
    if (value.empty() || value.size() > 1024 || !std::all_of(value.begin(), value.end(), is_text)) return;
    if (is_set_by_us(name) || std::ranges::any_of(headers, [name](auto const& field) { return field.name == name; })) {
        return;
    }
    headers.emplace_back(std::string(name), std::string(value));
}

}  // namespace sluice
