#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/json/json_value.hpp"
#include "providers/openai/object_edits.hpp"
#include "providers/openai/step_text.hpp"

namespace sluice::openai {

/// Where edits and the texts in them go.
struct EditSink {
    std::vector<TextEdit>& edits;
    StepText& texts;
};

/// The tool calls of one choice of a stream, and how its deltas must change so that a client which puts them together
/// by OpenAI's rules gets them right: each has its own index, and id, type and name stand in its first delta alone.
/// The SDKs append strings that come again.
class ToolCalls {
public:
    /// More calls than this pass as they come.
    static constexpr std::size_t most = 128;

    /// `calls`: the list in a delta. `seed` is the same for all deltas of the choice; made-up ids follow from it.
    /// Returns the bytes of names and arguments.
    std::uint64_t mend(JsonValue calls, std::uint64_t seed, EditSink sink);

    bool any() const { return !calls_.empty(); }

private:
    struct Call {
        std::uint64_t id = 0;    ///< hash; 0: the provider gave none
        std::uint64_t name = 0;  ///< hash; 0: none yet
        std::int64_t given_index = -1;
        std::int64_t index = 0;
        std::uint32_t delta = 0;  ///< the last in which it had a part
    };
    struct Part;

    void mend_one(JsonValue value, Part const& part, std::uint64_t seed, EditSink sink);
    Call* continued_by(Part const& part);
    Call& begin(Part const& part);

    std::vector<Call> calls_;
    std::uint32_t delta_ = 0;
};

/// The same for the list in a whole message, where every call is complete.
std::uint64_t mend_whole_calls(JsonValue calls, std::uint64_t seed, EditSink sink);

/// FNV-1a, continued from `seed`; never 0.
std::uint64_t hash_of(std::string_view text, std::uint64_t seed = 14'695'981'039'346'656'037ULL);

}  // namespace sluice::openai
