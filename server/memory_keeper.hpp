#pragma once

#include <cstddef>
#include <cstdint>

#include "core/types/settings.hpp"
#include "server/control/memory_use.hpp"
#include "server/net/memory_guard.hpp"

namespace sluice {

/// Tells the memory guard how much is used, and gives back what a peak has left. Thread: the main one.
class MemoryKeeper {
public:
    explicit MemoryKeeper(net::MemoryGuard& guard) : guard_(guard) {}

    void configure(LimitSettings const& limits);

    /// To be called every tenth of a second. `busy`: requests being worked on.
    void look(std::size_t busy);

private:
    void give_back(std::size_t busy);

    net::MemoryGuard& guard_;
    control::MemoryUse const use_;
    std::uint64_t kept_ = UINT64_MAX;  ///< memory in use when the allocator last had nothing to give back
    std::size_t busiest_ = 0;          ///< requests at a time since then
    unsigned calm_ = 0;                ///< looks in a row that found something to give back
};

}  // namespace sluice
