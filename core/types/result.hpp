#pragma once

#include <expected>
#include <utility>

#include "core/types/error.hpp"

namespace sluice {

/// A value, or whose fault it is that there is none.
template <class T = void>
using Result = std::expected<T, Error>;

}  // namespace sluice

// SLUICE_TRY(auto value, call());     hands the error of `call()` up, or names its value. One per line.
// SLUICE_CO_TRY(auto value, co_await call());   the same inside a coroutine.
// SLUICE_CHECK(call());  SLUICE_CO_CHECK(co_await call());   for a Result<> without a value.
#define SLUICE_CAT_(a, b) a##b
#define SLUICE_CAT(a, b) SLUICE_CAT_(a, b)
#define SLUICE_TRY_(ret, r, decl, ...)                 \
    auto r = (__VA_ARGS__);                            \
    if (!r) ret std::unexpected(std::move(r.error())); \
    decl = *std::move(r)
#define SLUICE_TRY(decl, ...) SLUICE_TRY_(return, SLUICE_CAT(sluice_r_, __COUNTER__), decl, __VA_ARGS__)
#define SLUICE_CO_TRY(decl, ...) SLUICE_TRY_(co_return, SLUICE_CAT(sluice_r_, __COUNTER__), decl, __VA_ARGS__)
#define SLUICE_CHECK_(ret, r, ...) \
    if (auto r = (__VA_ARGS__); !r) ret std::unexpected(std::move(r.error()))
#define SLUICE_CHECK(...) SLUICE_CHECK_(return, SLUICE_CAT(sluice_r_, __COUNTER__), __VA_ARGS__)
#define SLUICE_CO_CHECK(...) SLUICE_CHECK_(co_return, SLUICE_CAT(sluice_r_, __COUNTER__), __VA_ARGS__)
