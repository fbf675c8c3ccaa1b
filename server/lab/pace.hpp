#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "server/lab/random.hpp"

namespace sluice::lab {

using Duration = std::chrono::microseconds;
inline constexpr Duration forever = std::chrono::hours(24 * 365);

/// How long something takes: always the same, or drawn anew each time.
struct Distribution {
    enum class Shape : std::uint8_t { constant, uniform, lognormal };
    Shape shape = Shape::constant;
    Duration low{};      ///< constant: the value; uniform: the least; lognormal: the median
    Duration high{};     ///< uniform only
    double sigma = 0.0;  ///< lognormal only
    bool is_random() const { return shape != Shape::constant; }
    bool operator==(Distribution const&) const = default;
};

Duration draw(Distribution const& distribution, Random& random);

/// "200ms", "1.5s", "80us", "2m", "1h", "forever"; a bare number is milliseconds.
std::expected<Duration, std::string> parse_duration(std::string_view text);

/// A duration, "uniform(50ms, 200ms)" or "lognormal(200ms, 0.5)" (median, sigma).
std::expected<Distribution, std::string> parse_distribution(std::string_view text);

/// "300", "100KB", "1MiB".
std::expected<std::size_t, std::string> parse_size(std::string_view text);

}  // namespace sluice::lab
