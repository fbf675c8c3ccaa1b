#include "providers/parameters/condition.hpp"

#include "core/json/json_index.hpp"
#include "core/json/json_string.hpp"

namespace sluice::parameters {
namespace {

bool is_empty(JsonValue value) {
    if (value.is(JsonType::string)) return value.string().empty();
    if (value.is(JsonType::array)) return value.elements().empty();
    return value.is(JsonType::object) && value.members().empty();
}

std::size_t size_of(JsonValue value) {
    std::size_t size = 0;
    for (auto const& member : value.members()) size += member.value ? 1 : 0;
    return size;
}

/// As deep as `wanted`, which is a rule's, goes.
bool are_equal(JsonValue value, JsonValue wanted) {
    if (value.is(JsonType::string) && wanted.is(JsonType::string)) return value.unescaped() == wanted.unescaped();
    if (value.is(JsonType::number) && wanted.is(JsonType::number)) return value.number() == wanted.number();
    if (value.is(JsonType::object) && wanted.is(JsonType::object)) {
        for (auto const& member : wanted.members()) {
            if (!are_equal(value[member.name], member.value)) return false;
        }
        return size_of(value) == size_of(wanted);
    }
    if (!value.is(JsonType::array) || !wanted.is(JsonType::array)) return value && value.raw() == wanted.raw();
    auto left = value.elements().begin();
    auto right = wanted.elements().begin();
    for (; left != JsonElements::end() && right != JsonElements::end(); ++left, ++right) {
        if (!are_equal(*left, *right)) return false;
    }
    return !(left != JsonElements::end()) && !(right != JsonElements::end());
}

bool equals_any(Condition const& condition, JsonValue value) {
    for (auto const& json : condition.values) {
        if (equals(value, json)) return true;
    }
    return false;
}

}  // namespace

bool equals(JsonValue value, std::string_view json) {
    if (!value) return false;
    if (value.raw() == json) return true;
    JsonIndex index;
    auto const other = index.read(json);
    return other && are_equal(value, *other);
}

bool holds(Condition const& condition, JsonValue value) {
    using Test = Condition::Test;
    auto const number = value.number();
    switch (condition.test) {
        case Test::equals:
            return equals_any(condition, value);
        case Test::present:
            return value.has_value();
        case Test::absent:
            return !value.has_value();
        case Test::empty:
            return is_empty(value);
        case Test::is_object:
            return value.is(JsonType::object);
        case Test::is_array:
            return value.is(JsonType::array);
        case Test::is_string:
            return value.is(JsonType::string);
        case Test::is_number:
            return value.is(JsonType::number);
        case Test::is_boolean:
            return value.is(JsonType::boolean);
        case Test::is_null:
            return value.is(JsonType::null);
        case Test::less:
            return number && *number < condition.number;
        case Test::less_or_equal:
            return number && *number <= condition.number;
        case Test::greater:
            return number && *number > condition.number;
        case Test::greater_or_equal:
            return number && *number >= condition.number;
        case Test::begins:
            break;
    }
    return value.is(JsonType::string) && value.unescaped().starts_with(condition.text);
}

}  // namespace sluice::parameters
