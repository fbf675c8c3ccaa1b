#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/schema.hpp"

/// What values.cpp reads by and values_text.cpp writes by.
namespace sluice::config {

struct Unit {
    std::string_view name;
    std::int64_t factor;
};
inline constexpr std::array duration_units{Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000}, Unit{"h", 3'600'000},
                                           Unit{"d", 86'400'000}};
inline constexpr std::array size_units{
    Unit{"B", 1},     Unit{"KiB", 1LL << 10}, Unit{"MiB", 1LL << 20},   Unit{"GiB", 1LL << 30},
    Unit{"kB", 1000}, Unit{"MB", 1'000'000},  Unit{"GB", 1'000'000'000}};
inline constexpr std::array count_units{Unit{"", 1}, Unit{"k", 1000}, Unit{"M", 1'000'000}, Unit{"G", 1'000'000'000}};

/// Whether `none` is one of its values.
bool may_be_none(Field const& field);

/// What `field` allows: "1ms to 1h"; empty: everything.
std::string range_of(Field const& field);

}  // namespace sluice::config
