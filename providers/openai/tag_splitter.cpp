#include "providers/openai/tag_splitter.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/json/json_string.hpp"

namespace sluice::openai {
namespace {

using std::string_view;

/// So much white space is no beginning of thoughts; bounds what waits.
constexpr std::size_t most_waiting = 4096;

/// One character as it is written: itself, or an escape.
struct Unit {
    std::size_t length = 1;
    char meaning = '\0';  ///< of ASCII; 0 for other escapes
};

Unit unit_of(string_view raw) {
    if (raw.front() != '\\' || raw.size() < 2) return {1, raw.front()};
    auto const length = std::max<std::size_t>(escape_length(raw, Surrogates::any), 1);
    auto const meaning = unescaped(raw.substr(0, length));
    return {length, meaning.size() == 1 ? meaning.front() : '\0'};
}

bool is_newline(char c) { return c == '\n' || c == '\r'; }
bool is_space(char c) { return is_newline(c) || c == ' ' || c == '\t'; }

/// Skips the units at the front of `raw` that are `wanted`.
string_view skipped(string_view raw, bool (*wanted)(char)) {
    while (!raw.empty()) {
        auto const unit = unit_of(raw);
        if (!wanted(unit.meaning)) break;
        raw.remove_prefix(unit.length);
    }
    return raw;
}

enum class Match : unsigned char { none, begun, whole };

/// Whether `raw` begins with `mark`, which it then loses, or is the beginning of one.
Match take_mark(string_view& raw, string_view mark) {
    auto rest = raw;
    for (char const c : mark) {
        if (rest.empty()) return Match::begun;
        auto const unit = unit_of(rest);
        if (unit.meaning != c) return Match::none;
        rest.remove_prefix(unit.length);
    }
    raw = rest;
    return Match::whole;
}

}  // namespace

void TagSplitter::feed(string_view raw, SplitText& out) {
    if (state_ == State::text) {
        out.content.append(waiting_).append(raw);
        waiting_.clear();
        return;
    }
    auto const before = std::move(waiting_) + std::string(raw);
    waiting_ = walk(before, out);
}

void TagSplitter::finish(SplitText& out) {
    bool const may_be_thought = state_ == State::before && tags_->starts_open;
    bool const is_thought = state_ == State::inside || (may_be_thought && !skipped(waiting_, is_space).empty());
    (is_thought ? out.reasoning : out.content) += waiting_;
    waiting_.clear();
    state_ = State::text;
}

string_view TagSplitter::walk(string_view rest, SplitText& out) {
    if (state_ == State::before) rest = walk_before(rest);
    if (state_ == State::begins) {
        rest = skipped(rest, is_space);
        if (rest.empty()) return rest;
        state_ = State::inside;
    }
    if (state_ == State::inside) rest = walk_inside(rest, out);
    if (state_ == State::behind) {
        rest = skipped(rest, is_newline);
        if (!rest.empty()) state_ = State::text;
    }
    if (state_ != State::text) return rest;
    out.content += rest;
    return {};
}

string_view TagSplitter::walk_before(string_view rest) {
    auto behind_space = skipped(rest, is_space);
    auto const match = take_mark(behind_space, tags_->open);
    if (match == Match::whole) {
        met_a_mark_ = true;
        state_ = State::begins;
        return behind_space;
    }
    if (match == Match::begun && rest.size() <= most_waiting) return rest;
    state_ = tags_->starts_open ? State::begins : State::text;
    return rest;
}

string_view TagSplitter::walk_inside(string_view rest, SplitText& out) {
    auto const is_start = [mark = tags_->close.front()](char c) { return c == mark || c == '\\'; };
    while (!rest.empty()) {
        std::size_t plain = 0;
        while (plain < rest.size() && !is_start(rest[plain])) ++plain;
        out.reasoning += rest.substr(0, plain);
        rest.remove_prefix(plain);
        if (rest.empty()) break;
        auto const match = take_mark(rest, tags_->close);
        if (match == Match::begun) return rest;
        if (match == Match::whole) {
            met_a_mark_ = true;
            state_ = State::behind;
            return rest;
        }
        auto const length = unit_of(rest).length;
        out.reasoning += rest.substr(0, length);
        rest.remove_prefix(length);
    }
    return rest;
}

}  // namespace sluice::openai
