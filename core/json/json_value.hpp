#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/json/json_index.hpp"
#include "core/json/json_string.hpp"

namespace sluice {

enum class JsonType : std::uint8_t { object, array, string, number, boolean, null };

class JsonMembers;
class JsonElements;

/// A value of a text that JsonIndex has read, or nothing (`!value`). Copies are cheap. Questions about a value of
/// another type, or about nothing, have the empty answer, so that a path can be followed without a check at each step.
class JsonValue {
public:
    JsonValue() = default;

    explicit operator bool() const { return index_ != nullptr; }
    bool is(JsonType type) const { return index_ != nullptr && type_of(first_byte()) == type; }

    /// Offset of its first byte in the text.
    std::size_t offset() const { return index_->positions_[token_]; }

    /// Its bytes as they stand in the text.
    std::string_view raw() const;

    /// The bytes between a string's quotes, escapes as they stand; empty for other types.
    std::string_view string() const;

    /// A string without its escapes; empty for other types.
    std::string unescaped() const { return sluice::unescaped(string()); }

    /// A number written as an integer that fits.
    std::optional<std::int64_t> integer() const;
    std::optional<double> number() const;
    bool is_true() const { return index_ != nullptr && first_byte() == 't'; }

    /// Present and not null.
    bool has_value() const { return index_ != nullptr && first_byte() != 'n'; }

    JsonMembers members() const;
    JsonElements elements() const;

    /// The first member of that name, or nothing.
    JsonValue operator[](std::string_view name) const;

private:
    friend class JsonIndex;
    friend class JsonMembers;
    friend class JsonElements;

    JsonValue(JsonIndex const& index, std::uint32_t token) : index_(&index), token_(token) {}

    static constexpr JsonType type_of(char first) {
        switch (first) {
            case '{':
                return JsonType::object;
            case '[':
                return JsonType::array;
            case '"':
                return JsonType::string;
            case 't':
            case 'f':
                return JsonType::boolean;
            case 'n':
                return JsonType::null;
            default:
                return JsonType::number;
        }
    }
    char byte_of(std::uint32_t token) const { return index_->text_[index_->positions_[token]]; }
    char first_byte() const { return byte_of(token_); }
    std::size_t end_of(std::uint32_t token) const;  ///< offset behind a scalar's last byte
    std::uint32_t token_behind() const;

    JsonIndex const* index_ = nullptr;
    std::uint32_t token_ = 0;
};

struct JsonMember {
    std::string_view name;       ///< between its quotes, escapes as they stand
    std::size_t name_begin = 0;  ///< offset of its first quote
    JsonValue value;
    bool name_escaped = false;  ///< it may have escapes, because some name of the text does

    bool named(std::string_view wanted) const { return name_escaped ? unescaped(name) == wanted : name == wanted; }
};

/// The members of an object, in order: for (auto const& member : value.members()).
class JsonMembers {
public:
    struct End {};
    class Iterator {
    public:
        JsonMember operator*() const {
            JsonValue const name(*index_, token_);
            return {name.string(), name.offset(), JsonValue(*index_, token_ + 2), index_->escaped_names_};
        }
        Iterator& operator++() {
            token_ = JsonValue(*index_, token_ + 2).token_behind();
            if (JsonValue(*index_, token_).first_byte() == ',') ++token_;
            return *this;
        }
        bool operator!=(End) const { return index_ != nullptr && JsonValue(*index_, token_).first_byte() != '}'; }

    private:
        friend class JsonValue;
        Iterator(JsonIndex const* index, std::uint32_t token) : index_(index), token_(token) {}
        JsonIndex const* index_;
        std::uint32_t token_;
    };

    Iterator begin() const { return begin_; }
    static End end() { return {}; }

private:
    friend class JsonValue;
    explicit JsonMembers(Iterator begin) : begin_(begin) {}
    Iterator begin_;
};

/// The elements of an array, in order.
class JsonElements {
public:
    struct End {};
    class Iterator {
    public:
        JsonValue operator*() const { return {*index_, token_}; }
        Iterator& operator++() {
            token_ = JsonValue(*index_, token_).token_behind();
            if (JsonValue(*index_, token_).first_byte() == ',') ++token_;
            return *this;
        }
        bool operator!=(End) const { return index_ != nullptr && JsonValue(*index_, token_).first_byte() != ']'; }

    private:
        friend class JsonValue;
        Iterator(JsonIndex const* index, std::uint32_t token) : index_(index), token_(token) {}
        JsonIndex const* index_;
        std::uint32_t token_;
    };

    Iterator begin() const { return begin_; }
    static End end() { return {}; }
    bool empty() const { return !(begin_ != End{}); }

private:
    friend class JsonValue;
    explicit JsonElements(Iterator begin) : begin_(begin) {}
    Iterator begin_;
};

inline std::size_t JsonValue::end_of(std::uint32_t token) const {
    auto const is_space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    std::size_t end = token + 1 < index_->count_ ? index_->positions_[token + 1] : index_->text_.size();
    while (is_space(index_->text_[end - 1])) --end;
    return end;
}

inline std::uint32_t JsonValue::token_behind() const {
    auto token = token_;
    int depth = 0;
    do {
        char const c = byte_of(token++);
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') --depth;
    } while (depth > 0);
    return token;
}

inline std::string_view JsonValue::raw() const {
    if (index_ == nullptr) return {};
    return index_->text_.substr(offset(), end_of(token_behind() - 1) - offset());
}

inline std::string_view JsonValue::string() const {
    if (index_ == nullptr || first_byte() != '"') return {};
    return index_->text_.substr(offset() + 1, end_of(token_) - offset() - 2);
}

inline JsonMembers JsonValue::members() const {
    return JsonMembers({is(JsonType::object) ? index_ : nullptr, token_ + 1});
}

inline JsonElements JsonValue::elements() const {
    return JsonElements({is(JsonType::array) ? index_ : nullptr, token_ + 1});
}

}  // namespace sluice
