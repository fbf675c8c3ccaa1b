#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

enum class JsonType : std::uint8_t { object, array, string, number, boolean, null };

class JsonMembers;
class JsonElements;

/// A value of a text that JsonIndex has read, or nothing (`!value`). Copies are cheap. Questions about a value of
/// another type, or about nothing, have the empty answer, so that a path can be followed without a check at each step.
class JsonValue {
public:
    JsonValue() = default;

    explicit operator bool() const { return at_ != nullptr; }
    bool is(JsonType type) const { return at_ != nullptr && type_of(*first()) == type; }

    /// Offset of its first byte in the text.
    std::size_t offset() const { return *at_; }

    /// Its bytes as they stand in the text.
    std::string_view raw() const;

    /// The bytes between a string's quotes, escapes as they stand; empty for other types.
    std::string_view string() const;

    /// A string without its escapes; empty for other types.
    std::string unescaped() const;

    /// A number written as an integer that fits.
    std::optional<std::int64_t> integer() const;
    std::optional<double> number() const;
    bool is_true() const { return at_ != nullptr && *first() == 't'; }

    /// Present and not null.
    bool has_value() const { return at_ != nullptr && *first() != 'n'; }

    JsonMembers members() const;
    JsonElements elements() const;

    /// The first member of that name, or nothing.
    JsonValue operator[](std::string_view name) const;

private:
    friend class JsonIndex;
    friend class JsonMembers;
    friend class JsonElements;
    /// Where the offset of a token's first byte stands. Behind it stands the next token's, but behind an opening
    /// bracket the distance to what follows the closing one, so that a value is skipped in one step.
    using Token = std::uint32_t const*;

    enum class Names : bool { plain, escaped };

    JsonValue(char const* text, Token at, Names names) : text_(text), at_(at), names_(names) {}

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
    char const* first() const { return text_ + *at_; }
    char const* end_of(Token token) const;  ///< behind a scalar's or bracket's last byte
    Token behind() const;                   ///< the token that follows the whole value

    char const* text_ = nullptr;
    Token at_ = nullptr;
    Names names_ = Names::plain;  ///< whether some member name of the text has an escape
};

struct JsonMember {
    std::string_view name;       ///< between its quotes, escapes as they stand
    std::size_t name_begin = 0;  ///< offset of its first quote
    JsonValue value;
    bool name_escaped = false;  ///< it may have escapes, because some name of the text does

    bool named(std::string_view wanted) const { return name_escaped ? named_with_escapes(wanted) : name == wanted; }

private:
    bool named_with_escapes(std::string_view wanted) const;
};

/// The members of an object, in order: for (auto const& member : value.members()).
class JsonMembers {
public:
    struct End {};
    class Iterator {
    public:
        JsonMember operator*() const;
        Iterator& operator++();
        bool operator!=(End) const { return name_.at_ != nullptr && *name_.first() != '}'; }

    private:
        friend class JsonValue;
        explicit Iterator(JsonValue name) : name_(name) {}
        JsonValue name_;  ///< or the closing brace; nothing if there is no object
    };

    Iterator begin() const { return begin_; }
    static End end() { return {}; }
    bool empty() const { return !(begin_ != End{}); }

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
        JsonValue operator*() const { return element_; }
        Iterator& operator++();
        bool operator!=(End) const { return element_.at_ != nullptr && *element_.first() != ']'; }

    private:
        friend class JsonValue;
        explicit Iterator(JsonValue element) : element_(element) {}
        JsonValue element_;  ///< or the closing bracket; nothing if there is no array
    };

    Iterator begin() const { return begin_; }
    static End end() { return {}; }
    bool empty() const { return !(begin_ != End{}); }

private:
    friend class JsonValue;
    explicit JsonElements(Iterator begin) : begin_(begin) {}
    Iterator begin_;
};

// --- inline, because each chunk of each stream comes through here
// -----------------------------------------------------

inline char const* JsonValue::end_of(Token token) const {
    // Behind the last token stands the length of the text.
    auto const* end = text_ + token[1];
    while (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\r' || end[-1] == '\t') --end;
    return end;
}

inline JsonValue::Token JsonValue::behind() const {
    // { and [ differ from everything else that begins a token in these bits
    return (*first() | 0x20) == '{' ? at_ + at_[1] : at_ + 1;
}

inline std::string_view JsonValue::raw() const {
    return at_ == nullptr ? std::string_view{} : std::string_view(first(), end_of(behind() - 1));
}

inline std::string_view JsonValue::string() const {
    if (at_ == nullptr || *first() != '"') return {};
    return {first() + 1, end_of(at_) - 1};
}

inline JsonMembers JsonValue::members() const {
    return JsonMembers(JsonMembers::Iterator(is(JsonType::object) ? JsonValue(text_, at_ + 2, names_) : JsonValue()));
}

inline JsonElements JsonValue::elements() const {
    return JsonElements(JsonElements::Iterator(is(JsonType::array) ? JsonValue(text_, at_ + 2, names_) : JsonValue()));
}

inline JsonMember JsonMembers::Iterator::operator*() const {
    JsonValue const value(name_.text_, name_.at_ + 2, name_.names_);
    return {name_.string(), name_.offset(), value, name_.names_ == JsonValue::Names::escaped};
}

inline JsonMembers::Iterator& JsonMembers::Iterator::operator++() {
    name_.at_ = JsonValue(name_.text_, name_.at_ + 2, name_.names_).behind();
    if (*name_.first() == ',') ++name_.at_;
    return *this;
}

inline JsonElements::Iterator& JsonElements::Iterator::operator++() {
    element_.at_ = element_.behind();
    if (*element_.first() == ',') ++element_.at_;
    return *this;
}

}  // namespace sluice
