#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "core/pipeline/ports.hpp"

namespace sluice {

/// What server-timing says. `own`: what the gateway itself took.
struct AnswerTiming {
    Duration own{0};
    Duration upstream{0};
    std::optional<Duration> first_token{};
};

/// "gw;dur=0.31, queue;dur=0, up;dur=812.004, ttft;dur=240.1", in milliseconds. On the stack: each answer has one.
class ServerTiming {
public:
    explicit ServerTiming(AnswerTiming const& timing);
    operator std::string_view() const { return {text_.data(), size_}; }

private:
    std::array<char, 128> text_;
    std::size_t size_ = 0;
};

/// "0.000125", without trailing zeros.
std::string to_usd(NanoUsd cost);

/// Whether the upstream says that its answer is of the type `wanted` (lower case); parameters do not count.
bool has_type(UpstreamHead const& head, std::string_view wanted);
/// application/json, or a type that ends in +json.
bool has_json(UpstreamHead const& head);

/// x-request-id and what makes an event stream, for a stream that opens before an upstream has answered.
Headers stream_headers(std::string_view request_id);

/// Appends x-sluice-provider, x-sluice-model, x-sluice-attempts and server-timing. `attempts` includes `last`; no
/// provider and model when `last` is null.
void add_route_headers(Headers& headers, Attempt const* last, std::size_t attempts, AnswerTiming const& timing);

/// Appends x-sluice-adjusted: "temperature";change=clamped;severity=minor, ... Nothing without adjustments.
void add_receipt(Headers& headers, std::vector<Adjustment> const& adjustments);

/// Appends an upstream's field under our name for it, if it has a value that is fit to be passed on: at most 128
/// visible ASCII characters.
void add_upstream_header(Headers& headers, std::string_view name, std::string_view value);

/// The same for a field that a profile lets through: as long as 1024 characters, and spaces inside of it are fine. A
/// name that `headers` has already is ours.
void add_upstream_text(Headers& headers, std::string_view name, std::string_view value);

}  // namespace sluice
