#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/types/nano_usd.hpp"

namespace sluice {

/// Where a usage figure comes from. `estimated`: counted by us from bytes, because the provider gave none.
enum class UsageSource : std::uint8_t { none, provider, estimated };

/// Tokens by kind, in OpenAI's meaning: `input` includes `cached_input` and `cache_write`; `output` includes
/// `reasoning` and `audio_output`.
struct Usage {
    std::int64_t input = 0;
    std::int64_t output = 0;
    std::int64_t cached_input = 0;
    std::int64_t cache_write = 0;
    std::int64_t reasoning = 0;
    std::int64_t audio_input = 0;
    std::int64_t audio_output = 0;
    UsageSource source = UsageSource::none;
    std::optional<NanoUsd> reported_cost{};  ///< what the provider says that it charges

    friend bool operator==(Usage const&, Usage const&) = default;
};

inline constexpr std::string_view to_string(UsageSource source) {
    switch (source) {
        case UsageSource::provider:
            return "provider";
        case UsageSource::estimated:
            return "counted";
        case UsageSource::none:
            break;
    }
    return "none";
}

}  // namespace sluice
