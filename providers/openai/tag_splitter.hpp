#pragma once

#include <string>
#include <string_view>

#include "core/types/settings.hpp"

namespace sluice::openai {

/// A text in two parts, as the inside of JSON strings: every escape stays as it came.
struct SplitText {
    std::string reasoning;
    std::string content;
};

/// Takes the thoughts out of an answer that begins with them, between two marks: `<think>...</think>`. A mark further
/// behind is text. White space before the thoughts and at their beginning, and newlines behind them, are dropped.
class TagSplitter {
public:
    /// `tags` must outlive it.
    explicit TagSplitter(ReasoningTags const& tags) : tags_(&tags) {}

    /// Whether whatever follows is text and passes unchanged.
    bool done() const { return state_ == State::text && waiting_.empty(); }

    /// Whether one of the marks was there.
    bool met_a_mark() const { return met_a_mark_; }

    /// `raw` is the inside of a JSON string. What may be the beginning of a mark waits for the next call.
    void feed(std::string_view raw, SplitText& out);

    /// Nothing follows: what waits is no mark.
    void finish(SplitText& out);

    /// Expects no mark any more: the provider separates its thoughts itself.
    void give_up() { state_ = State::text; }

private:
    enum class State : unsigned char { before, begins, inside, behind, text };

    /// Goes on in `rest` until something has to wait, which it returns.
    std::string_view walk(std::string_view rest, SplitText& out);
    std::string_view walk_before(std::string_view rest);
    std::string_view walk_inside(std::string_view rest, SplitText& out);

    ReasoningTags const* tags_;
    std::string waiting_;
    State state_ = State::before;
    bool met_a_mark_ = false;
};

}  // namespace sluice::openai
