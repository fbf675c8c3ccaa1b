#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::openai {

/// An event that differs from one read before in nothing but its text, or its thoughts.
struct AlikeChunk {
    std::size_t size = 0;   ///< bytes of the event
    std::string_view text;  ///< what its delta adds, between the quotes; not empty
};

/// Most chunks of a stream differ from the one before in nothing but their text, so that comparing them says all that
/// reading them would: bytes that are equal mean the same, and a JSON string in place of another changes nothing around
/// it.
class AlikeChunks {
public:
    /// `event`, blank line included, has been read: nothing in it need be changed, and it only adds `text`. `padding`:
    /// another string that may differ, or one without data. Both are views of `event`, between quotes.
    void learn(std::string_view event, std::string_view text, std::string_view padding);

    /// The event that `bytes` begin with, if it is whole and like the one that was learned.
    std::optional<AlikeChunk> match(std::string_view bytes) const;

private:
    static constexpr std::size_t most = 1024;  ///< bytes kept of a stream; with more around its text an event is read

    std::string around_;            ///< the event without its text and padding
    std::uint16_t text_at_ = 0;     ///< where the text stood in it
    std::uint16_t padding_at_ = 0;  ///< where the padding did; 0: there is none
};

}  // namespace sluice::openai
