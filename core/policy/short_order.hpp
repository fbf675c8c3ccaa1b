#pragma once

#include <algorithm>
#include <utility>

namespace sluice {

/// Stable, in place, without an allocation (std::stable_sort takes a buffer): for the few targets of a plan.
template <class Iterator, class Less>
void sort_few(Iterator begin, Iterator end, Less less) {
    for (auto each = begin; each != end; ++each) {
        auto moving = std::move(*each);
        auto place = each;
        for (; place != begin && less(moving, *(place - 1)); --place) *place = std::move(*(place - 1));
        *place = std::move(moving);
    }
}

/// Moves those that `first` is true of before the others, both in their old order; the end of the first ones.
template <class Iterator, class Predicate>
Iterator partition_few(Iterator begin, Iterator end, Predicate first) {
    auto place = begin;
    for (auto each = begin; each != end; ++each) {
        if (first(*each)) {
            std::rotate(place, each, each + 1);
            ++place;
        }
    }
    return place;
}

}  // namespace sluice
