#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "config/schema.hpp"

namespace sluice::config {

/// Reads a scalar as `field` wants it. The error says what is wrong and what is allowed, without its subject: "is not a
/// duration: write a number and a unit, like 250ms, 30s or 10m". For choices, texts and targets: one item.
std::expected<Value, std::string> parse_value(Field const& field, std::string_view text);

/// `value` as one would write it in YAML; secrets as `***`. Empty for no value.
std::string format_value(Field const& field, Value const& value);

/// What `field` accepts, for people: "duration, 1ms to 1h", "auto, json or text".
std::string allowed(Field const& field);

std::string format_duration(std::int64_t milliseconds);
std::string format_size(std::int64_t bytes);

}  // namespace sluice::config
