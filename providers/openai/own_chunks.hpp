#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/json/json_value.hpp"
#include "core/types/usage.hpp"

namespace sluice::openai {

/// The chunks that we add to a stream.
///
/// The one with which OpenAI reports usage: `choices` empty, just before `[DONE]`. It is sent at most once, and only to
/// a client that asked; what upstreams send of the kind is taken out of their chunks and kept here. And the one that
/// ends choices whose provider forgot to.
class OwnChunks {
public:
    /// What a chunk built by us must share with the others of its stream.
    void learn(JsonValue id, JsonValue created, JsonValue model);

    /// Keeps a usage object that stood inside of another chunk.
    void keep_usage(std::string_view object);

    /// Keeps a whole chunk, as an event.
    void keep_usage_event(std::string_view event) { usage_event_ = event; }

    /// The event for the client. `usage` is used when nothing was kept.
    std::string_view usage_event(Usage const& usage);

    /// An event with `choices`, as JSON.
    std::string_view event_with(std::string_view choices);

    /// Hardly ever the same for two streams, always for the same.
    std::uint64_t seed() const;

private:
    std::string frame(std::string_view choices) const;

    std::string id_, created_, model_;  ///< as JSON
    std::string usage_;
    std::string usage_event_;
    std::string event_;
};

}  // namespace sluice::openai
