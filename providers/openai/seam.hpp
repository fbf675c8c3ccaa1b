#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::openai {

/// Where a continuation meets the text that broke off. A target that was asked to go on may repeat the end of that text
/// first, or all of it. What it repeats is dropped; what merely looks like a repetition, because the text repeats
/// itself there, is not. Works on plain UTF-8, without escapes.
class Seam {
public:
    enum class State : unsigned char {
        open,     ///< what came so far may be a repetition: more is needed
        settled,  ///< rest() follows the text
        doubtful  ///< going on would lose or double a part of the text, and nobody knows which
    };

    /// A repetition of the end of the text is at least so long. Shorter ones are more often the text's own.
    static constexpr std::size_t least_overlap = 16;
    /// And at most so long, unless it is the whole text.
    static constexpr std::size_t most_overlap = 1024;
    /// A continuation that begins with so much of the text's beginning, and then differs, is another answer.
    static constexpr std::size_t evident_restart = 48;

    explicit Seam(std::string_view text);

    /// The next piece of the continuation. Only while open.
    State feed(std::string_view more);
    /// Nothing follows. Only while open.
    State finish();

    State state() const { return state_; }
    /// What came so far, without what it repeats.
    std::string_view rest() const { return std::string_view(came_).substr(repeated_); }

private:
    bool take(char next);
    State decide();

    std::string text_;
    std::string came_;
    std::vector<std::size_t> begins_;  ///< where in the text that may begin which came
    std::size_t from_start_ = 0;       ///< bytes that came and are those that the text begins with
    std::size_t overlap_ = 0;          ///< the longest whole one
    std::size_t repeated_ = 0;
    State state_ = State::open;
};

}  // namespace sluice::openai
