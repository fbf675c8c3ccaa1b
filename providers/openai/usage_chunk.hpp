#pragma once

#include <string>
#include <string_view>

#include "core/json/json_value.hpp"
#include "core/types/usage.hpp"

namespace sluice::openai {

/// The chunk with which OpenAI reports usage: `choices` empty, just before `[DONE]`. It is sent at most once, and only
/// to a client that asked; what upstreams send of the kind is taken out of their chunks and kept here.
class UsageChunk {
public:
    /// What a chunk built by us must share with the others of its stream.
    void learn(JsonValue id, JsonValue created, JsonValue model);

    /// Keeps a usage object that stood inside of another chunk.
    void keep_object(JsonValue usage);

    /// Keeps a whole chunk, as an event.
    void keep_event(std::string_view event) { event_ = event; }

    /// The event for the client. `usage` is used when nothing was kept.
    std::string_view event(Usage const& usage);

private:
    std::string id_, created_, model_;  ///< as JSON
    std::string object_;
    std::string event_;
};

}  // namespace sluice::openai
