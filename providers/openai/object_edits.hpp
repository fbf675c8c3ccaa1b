#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "core/json/json_value.hpp"

namespace sluice::openai {

/// What becomes of a range of an event's data, or of an answer, before it reaches the client: `text` stands there
/// instead. Whoever makes it says how long the text lives.
struct TextEdit {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::string_view text;
    friend bool operator==(TextEdit const&, TextEdit const&) = default;
};

inline std::size_t end_of(JsonValue value) { return value.offset() + value.raw().size(); }

/// Plans edits to the members of one object, so that the commas still fit. Told of every member, in order; edits inside
/// of a member are planned right behind it. What it plans is sorted.
class ObjectEdits {
public:
    explicit ObjectEdits(std::vector<TextEdit>& edits) : edits_(edits), first_(edits.size()) {}

    void keep(JsonMember const& member) {
        close_at(member.name_begin);
        last_ = member.value;
        any_kept_ = true;
    }

    void take_out(JsonMember const& member) {
        close_at(member.name_begin);
        // Behind a member that stays the comma before this one goes; else the comma after it.
        edits_.push_back({any_kept_ ? end_of(last_) : member.name_begin, end_of(member.value), {}});
        open_ = !any_kept_;
        last_ = member.value;
    }

    /// `name` with its quotes.
    void rename(JsonMember const& member, std::string_view name) {
        keep(member);
        edits_.push_back({member.name_begin, member.name_begin + member.name.size() + 2, name});
    }

    void set_value(JsonMember const& member, std::string_view value) {
        keep(member);
        edits_.push_back({member.value.offset(), end_of(member.value), value});
    }

    /// `members`: one or more, as JSON, in place of this one.
    void replace(JsonMember const& member, std::string_view members) {
        keep(member);
        edits_.push_back({member.name_begin, end_of(member.value), members});
    }

    bool any_kept() const { return any_kept_; }

    /// After the last member: `members` stand at the front of `object`. They end with a comma exactly if any_kept().
    void add_in_front(JsonValue object, std::string_view members) {
        auto const at = object.offset() + 1;
        edits_.insert(edits_.begin() + static_cast<std::ptrdiff_t>(first_), {at, at, members});
    }

private:
    void close_at(std::size_t next_name) {
        if (open_) edits_.back().end = next_name;
        open_ = false;
    }

    std::vector<TextEdit>& edits_;
    std::size_t first_;
    JsonValue last_;
    bool any_kept_ = false;
    bool open_ = false;  ///< the last cut reaches to the next member, if there is one
};

}  // namespace sluice::openai
