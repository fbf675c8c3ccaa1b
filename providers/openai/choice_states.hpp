#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "providers/openai/finish_reasons.hpp"
#include "providers/openai/tag_splitter.hpp"
#include "providers/openai/tool_calls.hpp"

namespace sluice::openai {

/// What is remembered of one choice of a stream.
struct ChoiceState {
    std::int64_t index = 0;
    bool had_delta = false;
    bool finished = false;
    bool had_function_call = false;
    ToolCalls calls{};
    std::unique_ptr<TagSplitter> splitter{};  ///< null: its text holds no thoughts

    CallsSent calls_sent() const {
        if (calls.any()) return CallsSent::tool_calls;
        return had_function_call ? CallsSent::function_call : CallsSent::none;
    }
};

/// The choices of a stream. One that ends without `[DONE]` is complete only if all of them have ended, and as many as
/// the client asked for.
class ChoiceStates {
public:
    static constexpr std::size_t most = 1024;  ///< no provider offers so many; bounds the memory of a stream

    /// `tags` is null where the target's text holds no thoughts; else it must outlive this.
    ChoiceStates(std::int64_t asked, ReasoningTags const* tags) : asked_(asked), tags_(tags) {}

    /// Null beyond `most`. Valid until the next call.
    ChoiceState* of(std::int64_t index) {
        auto const same = [index](ChoiceState const& choice) { return choice.index == index; };
        auto const known = std::find_if(choices_.begin(), choices_.end(), same);
        if (known != choices_.end()) return &*known;
        return choices_.size() < most ? &add(index) : nullptr;
    }

    bool any_finished() const { return std::any_of(choices_.begin(), choices_.end(), is_finished); }
    bool all_finished() const {
        return !choices_.empty() && static_cast<std::int64_t>(choices_.size()) >= asked_ &&
               std::all_of(choices_.begin(), choices_.end(), is_finished);
    }

    std::vector<ChoiceState>& all() { return choices_; }

private:
    static bool is_finished(ChoiceState const& choice) { return choice.finished; }

    ChoiceState& add(std::int64_t index) {
        auto& choice = choices_.emplace_back();
        choice.index = index;
        if (tags_ != nullptr) choice.splitter = std::make_unique<TagSplitter>(*tags_);
        return choice;
    }

    std::int64_t asked_;
    ReasoningTags const* tags_;
    std::vector<ChoiceState> choices_;
};

}  // namespace sluice::openai
