#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/pipeline/request.hpp"
#include "core/pipeline/snapshot.hpp"
#include "core/types/result.hpp"
#include "server/api/choice_headers.hpp"

namespace sluice::api {

/// What a client says about where its request goes, checked against what its key may say.
struct Choice {
    std::string model{};                         ///< without the suffix; empty: it has none
    std::shared_ptr<Steering const> steering{};  ///< null: nothing is said
    std::string session{};
    std::string user{};  ///< "user:" and the body's `user`
    std::vector<OwnKey> own_keys{};
};

/// Reads it from `chat` and the headers. What the caller may not say is passed over but for its bounds (bounds_of), and
/// chat.steering_ignored says so; chat.model_suffix is the suffix that steers, if there is one. Errors: invalid_value;
/// permission_denied for own keys that the caller may not bring.
Result<Choice> read_choice(ChatRequest& chat, ChoiceHeaders const& headers, Caller const& caller,
                           Snapshot const& snapshot);

}  // namespace sluice::api
