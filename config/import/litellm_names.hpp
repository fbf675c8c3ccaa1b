#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::config {

/// What LiteLLM means by `model`.
struct LitellmModel {
    std::string type;      ///< a profile's name
    std::string model;     ///< upstream id
    std::string variable;  ///< from which LiteLLM reads the key when the file gives none
};

/// Of "groq/llama-3.3-70b-versatile" or "gpt-4o". The error is a sentence: why it can't be translated.
std::expected<LitellmModel, std::string> read_litellm_model(std::string_view text);

/// "0.00000015" or "1.5e-07" US dollars per token, per million: "0.15". Nothing for what is no price.
std::optional<std::string> per_million(std::string_view per_token);

/// Seconds, whole or not, as a duration: "30s", "500ms". Nothing for what is none.
std::optional<std::string> duration_of_seconds(std::string_view seconds);

}  // namespace sluice::config
