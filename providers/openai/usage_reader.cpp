#include "providers/openai/usage_reader.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace sluice::openai {
namespace {

/// A count may come as 12.0; a negative one means unknown.
std::optional<std::int64_t> count(JsonValue value) {
    constexpr std::int64_t most = 1'000'000'000'000;
    if (auto const whole = value.integer()) {
        return *whole < 0 ? std::nullopt : std::optional(std::min(*whole, most));
    }
    auto const number = value.number();
    if (!number || !(*number >= 0)) return std::nullopt;
    return static_cast<std::int64_t>(std::min(std::round(*number), static_cast<double>(most)));
}

struct Counts {
    std::optional<std::int64_t> input;
    std::optional<std::int64_t> output;
    std::optional<std::int64_t> total;
    Usage usage{};
};

void set(std::int64_t& field, JsonValue value) { field = count(value).value_or(field); }

void read_input_details(JsonValue details, Usage& usage) {
    for (auto const& member : details.members()) {
        if (member.named("cached_tokens")) set(usage.cached_input, member.value);
        if (member.named("cache_write_tokens")) set(usage.cache_write, member.value);
        if (member.named("cache_creation_input_tokens")) set(usage.cache_write, member.value);
        if (member.named("audio_tokens")) set(usage.audio_input, member.value);
    }
}

void read_output_details(JsonValue details, Usage& usage) {
    for (auto const& member : details.members()) {
        if (member.named("reasoning_tokens")) set(usage.reasoning, member.value);
        if (member.named("audio_tokens")) set(usage.audio_output, member.value);
    }
}

void read_member(JsonMember const& member, Counts& counts) {
    auto const named = [&member](std::string_view name) { return member.named(name); };
    if (named("prompt_tokens") || named("input_tokens")) {
        counts.input = count(member.value);
    } else if (named("completion_tokens") || named("output_tokens")) {
        counts.output = count(member.value);
    } else if (named("total_tokens")) {
        counts.total = count(member.value);
    } else if (named("cached_tokens") || named("prompt_cache_hit_tokens")) {
        set(counts.usage.cached_input, member.value);
    } else if (named("prompt_tokens_details") || named("input_tokens_details")) {
        read_input_details(member.value, counts.usage);
    } else if (named("completion_tokens_details") || named("output_tokens_details")) {
        read_output_details(member.value, counts.usage);
    }
}

/// Some count reasoning beside the output, some cached input beside the prompt.
void correct(Usage& usage, std::optional<std::int64_t> total) {
    bool const beside = total && *total == usage.input + usage.output + usage.reasoning;
    if (usage.reasoning > usage.output || (usage.reasoning > 0 && beside)) usage.output += usage.reasoning;
    if (usage.cached_input > usage.input) usage.input += usage.cached_input;
}

}  // namespace

std::optional<Usage> read_usage(JsonValue usage) {
    Counts counts;
    for (auto const& member : usage.members()) read_member(member, counts);
    auto const& [input, output, total, details] = counts;
    if (!input && !output && !total) return std::nullopt;
    Usage result = details;
    result.source = UsageSource::provider;
    result.output = output.value_or(total && input ? std::max<std::int64_t>(*total - *input, 0) : 0);
    result.input = input.value_or(total ? std::max<std::int64_t>(*total - result.output, 0) : 0);
    correct(result, total);
    return result;
}

}  // namespace sluice::openai
