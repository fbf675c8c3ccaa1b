#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/types/result.hpp"

namespace sluice::explain {

/// A request that nobody sends.
struct Question {
    std::string model{};                           ///< empty: the body says it
    std::string key{};                             ///< name of a configured key; empty: one that may do everything
    std::map<std::string, std::string> headers{};  ///< lower-case names
    std::string body{};                            ///< a chat request; empty: a greeting
    std::optional<std::uint64_t> seed{};           ///< of every chance in the plan; absent: drawn
};

/// `{"model":…, "key":…, "headers":{…}, "body":{…}, "seed":…}`, all but one of model and body optional; or a chat
/// request, known by its `messages`. Errors: invalid_json, invalid_value.
Result<Question> read_question(std::string_view json);

/// The same as JSON.
std::string to_json(Question const& question);

/// The body with the model in it that is asked about.
Result<std::string> complete_body(Question const& question);

}  // namespace sluice::explain
