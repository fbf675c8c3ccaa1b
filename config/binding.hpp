#pragma once

#include <chrono>
#include <concepts>
#include <optional>
#include <type_traits>

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
void store(T& to, Value const& value) {
    if constexpr (std::same_as<T, milliseconds>)
        to = milliseconds(std::get<std::int64_t>(value));
    else if constexpr (std::same_as<T, PricePerMillion> || std::same_as<T, std::optional<PricePerMillion>>)
        to = PricePerMillion{NanoUsd{std::get<std::int64_t>(value)}};
    else if constexpr (std::same_as<T, std::optional<std::chrono::sys_seconds>>)
        to = std::chrono::sys_seconds(seconds(std::get<std::int64_t>(value)));
    else if constexpr (std::same_as<T, Secret>)
        to = std::get<SecretText>(value).value;
    else if constexpr (std::same_as<T, std::optional<SecretText>>)
        to = std::get<SecretText>(value);
    else if constexpr (std::is_enum_v<T> || (std::integral<T> && !std::same_as<T, bool>))
        to = static_cast<T>(std::get<std::int64_t>(value));
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
    else if constexpr (std::same_as<T, std::optional<SecretText>>)
        return from ? Value(*from) : Value();
    else if constexpr (std::is_enum_v<T> || (std::integral<T> && !std::same_as<T, bool>))
        return Value(static_cast<std::int64_t>(from));
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

/// A default-constructed T that lives as long as the program, to compare defaults with.
template <class T>
void const* fresh() {
    static T const value{};
    return &value;
}

}  // namespace sluice::config
