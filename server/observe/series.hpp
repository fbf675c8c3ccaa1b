#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "server/observe/families.hpp"

namespace sluice::observe {

/// A label value's number in the NameRegistry. 0 is the empty text: that label is left out.
enum class NameId : std::uint16_t {};

inline constexpr NameId no_name{0};
inline constexpr std::size_t max_names = std::size_t{1} << 14U;

/// A family and up to four label values in one number: 8 bits and 4 x 14 bits. Never 0.
using SeriesKey = std::uint64_t;

constexpr SeriesKey series_key(FamilyId family, NameId a, NameId b = no_name, NameId c = no_name, NameId d = no_name) {
    auto const bits = [](auto part) { return static_cast<std::uint64_t>(part); };
    return bits(family) << 56U | bits(a) << 42U | bits(b) << 28U | bits(c) << 14U | bits(d);
}
constexpr FamilyId family_of(SeriesKey key) { return static_cast<FamilyId>(key >> 56U); }
constexpr NameId label_of(SeriesKey key, std::size_t index) {
    return static_cast<NameId>(key >> (42U - 14U * index) & (max_names - 1));
}

/// One number with one writing thread and any number of readers. A load and a store: no locked instruction.
class Cell {
public:
    void add(std::uint64_t amount) {
        value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }
    std::uint64_t read() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// One label set's numbers in one shard. The links form a list that only grows; a reader may walk it at any time.
struct Series {
    SeriesKey key = 0;
    Series const* next = nullptr;
    std::unique_ptr<Cell[]> cells;
};

}  // namespace sluice::observe
