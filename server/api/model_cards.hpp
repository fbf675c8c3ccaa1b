#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/pipeline/snapshot.hpp"

namespace sluice::api {

/// What GET /v1/models says about a configuration's models. Immutable; any thread.
class ModelCards {
public:
    struct Card {
        std::string name;
        std::string json;
    };

    /// Of every model with an exact name, and behind a wildcard of the names that the catalogue knows, in the order of
    /// the file.
    static ModelCards of(Snapshot const& snapshot, std::chrono::sys_seconds loaded_at);

    std::vector<Card> const& cards() const { return cards_; }

private:
    std::vector<Card> cards_;
};

/// The object for the model that `match` found under `name`: OpenAI's members, and where they are known
/// - `context_length`, `max_output_tokens`: the smallest among its targets;
/// - `pricing`: of the first target, US dollars per token as text: prompt, completion, input_cache_read,
///   input_cache_write;
/// - `capabilities`: true if all targets have it, false if one is known to lack it: tools, streaming_tools, vision,
///   json_schema, reasoning.
std::string model_card(Snapshot const& snapshot, std::string_view name, Snapshot::Match const& match,
                       std::chrono::sys_seconds loaded_at);

/// "$0.15 per million" is "0.00000015" per token.
std::string per_token(PricePerMillion price);

}  // namespace sluice::api
