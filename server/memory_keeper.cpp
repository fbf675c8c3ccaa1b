#include "server/memory_keeper.hpp"

#include <malloc.h>

#include <algorithm>

namespace sluice {
namespace {

constexpr unsigned calm_looks = 20;  // 2 s
constexpr std::uint64_t worth_giving_back = 8 * 1024 * 1024;
constexpr std::uint64_t group_share_percent = 70;  // the rest is for the kernel and for what comes between two looks

}  // namespace

void MemoryKeeper::configure(LimitSettings const& limits) {
    auto const of_group = use_.group_limit().value_or(0) / 100 * group_share_percent;
    guard_.set_limit(limits.memory_bytes > 0 ? limits.memory_bytes : of_group);
}

void MemoryKeeper::look(std::size_t busy) {
    guard_.measured(use_.now());
    give_back(busy);
}

/// The allocator keeps what a peak has freed between blocks that are still in use. After the peak, when three quarters
/// of the requests at its top have ended, the pages go back to the kernel; at once when memory is tight, or what is
/// free here would be refused to everybody.
void MemoryKeeper::give_back(std::size_t busy) {
    busiest_ = std::max(busiest_, busy);
    kept_ = std::min(kept_, guard_.used());
    bool const calm = busy * 4 <= busiest_ && guard_.used() >= kept_ + worth_giving_back;
    calm_ = calm || guard_.tight() ? calm_ + 1 : 0;
    if (calm_ < calm_looks) return;
    calm_ = 0;
    ::malloc_trim(0);
    kept_ = use_.now();
    busiest_ = busy;
}

}  // namespace sluice
