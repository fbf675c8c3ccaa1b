#include "providers/openai/seam.hpp"

#include <algorithm>

namespace sluice::openai {
namespace {

constexpr std::size_t least_whole = 3;  ///< a repetition of the whole text is at least so long

/// Whether `part`, or the end of a long one, is a shorter text again and again, perhaps cut at the end. The bound keeps
/// it cheap, whatever an upstream says.
bool is_periodic(std::string_view part) {
    part = part.substr(part.size() - std::min(part.size(), Seam::most_overlap));
    for (std::size_t period = 1; period <= part.size() / 2; ++period) {
        if (part.substr(period) == part.substr(0, part.size() - period)) return true;
    }
    return false;
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

/// Whether `text`, followed by its last `size` bytes again, is more likely a repetition than a text that goes on.
bool is_overlap(std::string_view text, std::size_t size) {
    auto const end = text.substr(text.size() - size);
    bool const is_whole = size == text.size();
    if (is_whole && size < Seam::least_overlap) {
        return size >= least_whole && std::any_of(end.begin(), end.end(), is_letter) && !is_periodic(end);
    }
    bool const repeats_itself = text.substr(0, text.size() - size).ends_with(end);
    return size >= Seam::least_overlap && !repeats_itself && !is_periodic(end);
}

}  // namespace

Seam::Seam(std::string_view text) : text_(text) {
    auto const size = text_.size();
    begins_.push_back(0);
    auto const first = std::max<std::size_t>(size > most_overlap ? size - most_overlap : 0, 1);
    for (auto begin = first; begin + least_overlap <= size; ++begin) begins_.push_back(begin);
}

Seam::State Seam::feed(std::string_view more) {
    for (std::size_t at = 0; at < more.size(); ++at) {
        if (take(more[at])) continue;
        came_ += more.substr(at + 1);
        return decide();
    }
    return state_;
}

Seam::State Seam::finish() {
    // It began anew and stopped before it was where the text broke off.
    bool const short_restart = !begins_.empty() && begins_.front() == 0 && came_.size() >= least_overlap;
    return short_restart ? state_ = State::doubtful : decide();
}

/// Whether more is needed.
bool Seam::take(char next) {
    auto const place = came_.size();
    came_ += next;
    std::erase_if(begins_, [this, place, next](std::size_t begin) { return text_[begin + place] != next; });
    if (!begins_.empty() && begins_.front() == 0) from_start_ = place + 1;
    auto const is_whole = [this, place](std::size_t begin) { return begin + place + 1 == text_.size(); };
    if (std::erase_if(begins_, is_whole) > 0) overlap_ = place + 1;
    return !begins_.empty();
}

Seam::State Seam::decide() {
    bool const all = overlap_ == text_.size();
    bool const found = overlap_ > 0 && is_overlap(text_, overlap_);
    bool const restarted = !all && from_start_ >= evident_restart;
    if ((all && !found) || (!found && restarted)) return state_ = State::doubtful;
    if (found) repeated_ = overlap_;
    return state_ = State::settled;
}

}  // namespace sluice::openai
