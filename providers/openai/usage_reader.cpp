#include "providers/openai/usage_reader.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace sluice::openai {
namespace {

constexpr std::int64_t most = 1'000'000'000'000;

/// A count may come as 12.0; a negative one means unknown.
std::optional<std::int64_t> count(JsonValue value) {
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
    std::optional<NanoUsd> estimated_cost{};  ///< counts if there is no better word
    std::int64_t cached_detail = 0;           ///< where OpenAI has it
    bool foreign = false;                     ///< some count has another name or form than OpenAI's
};

std::optional<NanoUsd> dollars(JsonValue value, int exponent = 0) {
    return value.is(JsonType::number) ? read_usd(value.raw(), exponent) : std::nullopt;
}

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
    auto const read = [&member, &counts](std::optional<std::int64_t>& field) {
        auto const whole = member.value.integer();
        bool const is_plain = whole && *whole >= 0 && *whole <= most;
        field = is_plain ? whole : count(member.value);
        counts.foreign |= !is_plain;
    };
    if (named("prompt_tokens")) {
        read(counts.input);
    } else if (named("completion_tokens")) {
        read(counts.output);
    } else if (named("total_tokens")) {
        read(counts.total);
    } else if (named("input_tokens") || named("output_tokens")) {
        auto& field = named("input_tokens") ? counts.input : counts.output;
        if (!field) counts.foreign = true;
        if (!field) field = count(member.value);
    } else if (named("cached_tokens") || named("prompt_cache_hit_tokens")) {
        set(counts.usage.cached_input, member.value);
    } else if (named("prompt_tokens_details") || named("input_tokens_details")) {
        read_input_details(member.value, counts.usage);
        if (named("prompt_tokens_details")) counts.cached_detail = counts.usage.cached_input;
    } else if (named("completion_tokens_details") || named("output_tokens_details")) {
        read_output_details(member.value, counts.usage);
    } else if (named("cost")) {
        if (auto const cost = dollars(member.value)) counts.usage.reported_cost = cost;
    } else if (named("cost_in_usd_ticks")) {
        constexpr int tick = -10;
        if (!counts.usage.reported_cost) counts.usage.reported_cost = dollars(member.value, tick);
    } else if (named("estimated_cost")) {
        counts.estimated_cost = dollars(member.value);
    }
}

/// Some count reasoning beside the output, some cached input beside the prompt.
void correct(Usage& usage, std::optional<std::int64_t> total) {
    bool const beside = total && *total == usage.input + usage.output + usage.reasoning;
    if (usage.reasoning > usage.output || (usage.reasoning > 0 && beside)) usage.output += usage.reasoning;
    if (usage.cached_input > usage.input) usage.input += usage.cached_input;
}

void append_member(std::string& text, JsonMember const& member) {
    text.append(",\"").append(member.name).append("\":").append(member.value.raw());
}

/// `details`, if it is an object, with `count` for `name`.
std::string with_count(JsonValue details, std::string_view name, std::int64_t count) {
    auto text = "{\"" + std::string(name) + "\":" + std::to_string(count);
    for (auto const& member : details.members()) {
        if (!member.named(name)) append_member(text, member);
    }
    return text += '}';
}

bool is_rewritten(JsonMember const& member) {
    auto const is_details = member.named("prompt_tokens_details") || member.named("completion_tokens_details");
    return is_details || member.named("prompt_tokens") || member.named("completion_tokens") ||
           member.named("total_tokens");
}

}  // namespace

std::optional<UsageReading> read_usage(JsonValue usage) {
    Counts counts;
    for (auto const& member : usage.members()) read_member(member, counts);
    auto const& input = counts.input;
    auto const& output = counts.output;
    auto const& total = counts.total;
    if (!input && !output && !total) return std::nullopt;
    Usage result = counts.usage;
    if (!result.reported_cost) result.reported_cost = counts.estimated_cost;
    result.source = UsageSource::provider;
    result.output = output.value_or(total && input ? std::max<std::int64_t>(*total - *input, 0) : 0);
    result.input = input.value_or(total ? std::max<std::int64_t>(*total - result.output, 0) : 0);
    correct(result, total);
    bool const is_openais = !counts.foreign && total && input == result.input && output == result.output &&
                            counts.cached_detail == result.cached_input;
    return UsageReading{result, is_openais};
}

std::string corrected_usage(JsonValue object, Usage const& usage) {
    auto const details = object["prompt_tokens_details"];
    auto const output_details = object["completion_tokens_details"];
    auto text = R"({"prompt_tokens":)" + std::to_string(usage.input) + R"(,"completion_tokens":)" +
                std::to_string(usage.output) + R"(,"total_tokens":)" + std::to_string(usage.input + usage.output);
    if (details.has_value() || usage.cached_input > 0) {
        text += R"(,"prompt_tokens_details":)" + with_count(details, "cached_tokens", usage.cached_input);
    }
    if (output_details.has_value() || usage.reasoning > 0) {
        text += R"(,"completion_tokens_details":)" + with_count(output_details, "reasoning_tokens", usage.reasoning);
    }
    for (auto const& member : object.members()) {
        if (!is_rewritten(member)) append_member(text, member);
    }
    return text += '}';
}

}  // namespace sluice::openai
