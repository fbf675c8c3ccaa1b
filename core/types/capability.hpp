#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice {

/// What a request may need of a model, and a model may lack.
enum class Capability : std::uint8_t {
    tools,
    stream_tools,         ///< tools in a streamed answer
    parallel_tools,       ///< parallel_tool_calls: true
    required_tool,        ///< tool_choice that forces a call
    vision,               ///< image parts
    audio,                ///< audio parts, or an audio answer
    json_object,          ///< response_format json_object
    json_schema,          ///< response_format json_schema
    reasoning,            ///< reasoning controls
    continues_assistant,  ///< goes on where the last message, an assistant's, ends; no request needs it by itself
    count_,
};

inline constexpr std::size_t capability_count = static_cast<std::size_t>(Capability::count_);

/// As the catalogue, the configuration, logs and errors call them.
inline constexpr std::array<std::string_view, capability_count> capability_names{
    "tools",       "streaming_tools", "parallel_tools", "tool_choice_required", "vision", "audio",
    "json_object", "json_schema",     "reasoning",      "continues_assistant"};

inline constexpr std::string_view to_string(Capability capability) {
    return capability_names[static_cast<std::size_t>(capability)];
}

/// A set of capabilities.
struct Capabilities {
    std::uint16_t bits = 0;

    static constexpr std::uint16_t bit(Capability capability) {
        return static_cast<std::uint16_t>(1U << static_cast<unsigned>(capability));
    }
    constexpr void add(Capability capability) { bits |= bit(capability); }
    constexpr bool has(Capability capability) const { return (bits & bit(capability)) != 0; }
    constexpr bool empty() const { return bits == 0; }
    constexpr Capabilities both(Capabilities other) const { return {static_cast<std::uint16_t>(bits & other.bits)}; }
    friend constexpr bool operator==(Capabilities, Capabilities) = default;
};

}  // namespace sluice
