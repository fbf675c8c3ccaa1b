#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace sluice::openai {

/// Which choices of a stream have ended. A stream that ends without `[DONE]` is complete only if all of them have, and
/// as many as the client asked for.
class FinishedChoices {
public:
    static constexpr std::size_t most = 1024;  ///< no provider offers so many; bounds the memory of a stream

    explicit FinishedChoices(std::int64_t asked) : asked_(asked) {}

    void see(std::int64_t index, bool finished) {
        auto const same = [index](Choice const& choice) { return choice.index == index; };
        auto known = std::find_if(choices_.begin(), choices_.end(), same);
        if (known == choices_.end() && choices_.size() < most) known = choices_.insert(known, Choice{index, false});
        if (known != choices_.end()) known->finished |= finished;
    }

    bool any() const { return std::any_of(choices_.begin(), choices_.end(), is_finished); }
    bool all() const {
        return !choices_.empty() && static_cast<std::int64_t>(choices_.size()) >= asked_ &&
               std::all_of(choices_.begin(), choices_.end(), is_finished);
    }

private:
    struct Choice {
        std::int64_t index;
        bool finished;
    };
    static bool is_finished(Choice const& choice) { return choice.finished; }

    std::int64_t asked_;
    std::vector<Choice> choices_;
};

}  // namespace sluice::openai
