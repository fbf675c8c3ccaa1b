#include "core/json/json_value.hpp"

#include <charconv>

#include "core/json/json_string.hpp"

namespace sluice {
namespace {

template <class Number>
std::optional<Number> parsed(std::string_view digits) {
    Number value{};
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

}  // namespace

std::optional<std::int64_t> JsonValue::integer() const {
    return is(JsonType::number) ? parsed<std::int64_t>(raw()) : std::nullopt;
}

std::optional<double> JsonValue::number() const { return is(JsonType::number) ? parsed<double>(raw()) : std::nullopt; }

std::string JsonValue::unescaped() const { return sluice::unescaped(string()); }

JsonValue JsonValue::operator[](std::string_view name) const {
    for (auto const& member : members()) {
        if (member.named(name)) return member.value;
    }
    return {};
}

bool JsonMember::named_with_escapes(std::string_view wanted) const { return unescaped(name) == wanted; }

}  // namespace sluice
