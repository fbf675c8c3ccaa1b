#pragma once

#include <chrono>
#include <cmath>
#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

#include "config/schema.hpp"

/// Ties a field of the table to a member of a struct: bind<&Draft::server, &ServerSettings::listen>().
namespace sluice::config {

namespace binding {

template <class Class, class Member>
Class class_of(Member Class::*);

template <auto first, auto... rest>
auto& member(auto& object) {
    if constexpr (sizeof...(rest) == 0)
        return object.*first;
    else
        return member<rest...>(object.*first);
}

template <class T>
constexpr bool is_optional_number =
    std::same_as<T, std::optional<unsigned>> || std::same_as<T, std::optional<std::int64_t>>;

template <class T>
void store(T& to, Value const& value) {
    if constexpr (std::same_as<T, milliseconds>)
        to = milliseconds(std::get<std::int64_t>(value));
    else if constexpr (std::same_as<T, PricePerMillion> || std::same_as<T, std::optional<PricePerMillion>>)
        to = PricePerMillion{NanoUsd{std::get<std::int64_t>(value)}};
    else if constexpr (std::same_as<T, std::optional<std::chrono::sys_seconds>>)
        to = std::chrono::sys_seconds(seconds(std::get<std::int64_t>(value)));
    else if constexpr (std::same_as<T, std::optional<LimitPeriod>>)
        to = std::get<LimitPeriod>(value);
    else if constexpr (std::same_as<T, Secret>)
        to = std::get<SecretText>(value).value;
    else if constexpr (std::same_as<T, std::optional<SecretText>>)
        to = std::get<SecretText>(value);
    else if constexpr (std::is_enum_v<T> || (std::integral<T> && !std::same_as<T, bool>))
        to = static_cast<T>(std::get<std::int64_t>(value));
    else if constexpr (std::same_as<T, double>)
        to = static_cast<double>(std::get<std::int64_t>(value)) / 1e9;
    else if constexpr (std::same_as<T, std::vector<unsigned>>)
        to.assign(std::get<Numbers>(value).begin(), std::get<Numbers>(value).end());
    else if constexpr (is_optional_number<T>)
        to = static_cast<typename T::value_type>(std::get<std::int64_t>(value));
    else if constexpr (std::same_as<T, std::optional<bool>>)
        to = std::get<bool>(value);
    else if constexpr (std::same_as<T, std::optional<std::string>>)
        to = std::get<std::string>(value);
    else
        to = std::get<T>(value);
}

template <class T>
Value fetch(T const& from) {
    if constexpr (std::same_as<T, milliseconds>)
        return Value(static_cast<std::int64_t>(from.count()));
    else if constexpr (std::same_as<T, PricePerMillion>)
        return Value(from.value.count);
    else if constexpr (std::same_as<T, std::optional<PricePerMillion>>)
        return from ? Value(from->value.count) : Value();
    else if constexpr (std::same_as<T, std::optional<std::chrono::sys_seconds>>)
        return from ? Value(static_cast<std::int64_t>(from->time_since_epoch().count())) : Value();
    else if constexpr (std::same_as<T, Secret>)
        return from.empty() ? Value() : Value(SecretText{from});
    else if constexpr (std::is_enum_v<T> || (std::integral<T> && !std::same_as<T, bool>))
        return Value(static_cast<std::int64_t>(from));
    else if constexpr (std::same_as<T, double>)
        return Value(static_cast<std::int64_t>(std::llround(from * 1e9)));
    else if constexpr (std::same_as<T, std::vector<unsigned>>)
        return Value(Numbers(from.begin(), from.end()));
    else if constexpr (is_optional_number<T>)
        return from ? Value(static_cast<std::int64_t>(*from)) : Value();
    else if constexpr (std::same_as<T, SecretText>)
        return from.value.empty() && !from.none ? Value() : Value(from);
    else if constexpr (std::same_as<T, std::optional<bool>> || std::same_as<T, std::optional<std::string>> ||
                       std::same_as<T, std::optional<SecretText>> || std::same_as<T, std::optional<LimitPeriod>>)
        return from ? Value(*from) : Value();
    else
        return Value(from);
}

}  // namespace binding

template <auto first, auto... rest>
Binding bind() {
    using Object = decltype(binding::class_of(first));
    return Binding{
        .assign =
            [](void* object, Value const& value) {
                binding::store(binding::member<first, rest...>(*static_cast<Object*>(object)), value);
            },
        .current =
            [](void const* object) {
                return binding::fetch(binding::member<first, rest...>(*static_cast<Object const*>(object)));
            },
    };
}

/// For a Kind::choice of two words: the second means true.
template <auto first, auto... rest>
Binding bind_flag() {
    using Object = decltype(binding::class_of(first));
    return Binding{
        .assign =
            [](void* object, Value const& value) {
                binding::member<first, rest...>(*static_cast<Object*>(object)) = std::get<std::int64_t>(value) != 0;
            },
        .current =
            [](void const* object) {
                bool const flag = binding::member<first, rest...>(*static_cast<Object const*>(object));
                return Value(std::int64_t{flag ? 1 : 0});
            },
    };
}

/// For a Kind::object_list or objects that is a member.
template <auto list>
Binding entries_of() {
    using Object = decltype(binding::class_of(list));
    return Binding{.entry = [](void* object, std::string const&) -> void* {
        return &(static_cast<Object*>(object)->*list).emplace_back();
    }};
}

/// For a Kind::object that is a member of its own.
template <auto first, auto... rest>
Binding nested() {
    using Object = decltype(binding::class_of(first));
    return Binding{
        .child = [](void* object) -> void* { return &binding::member<first, rest...>(*static_cast<Object*>(object)); }};
}

/// For a Kind::object whose fields belong to the struct around it.
inline Binding same_object() {
    return Binding{.child = [](void* object) { return object; }};
}

/// A nested() HedgeSettings, AffinitySettings ...: that it is written at all switches it on.
template <auto first, auto... rest>
Binding switched_on() {
    Binding made = nested<first, rest...>();
    using Object = decltype(binding::class_of(first));
    using Child = std::remove_cvref_t<decltype(binding::member<first, rest...>(std::declval<Object&>()))>;
    made.present = [](void* child) { static_cast<Child*>(child)->enabled = true; };
    return made;
}

/// A default-constructed T that lives as long as the program, to compare defaults with.
template <class T>
void const* fresh() {
    static T const value{};
    return &value;
}

}  // namespace sluice::config
