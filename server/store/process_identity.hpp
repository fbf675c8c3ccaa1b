#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::store {

/// What tells one process from every other that had its number before, or has it elsewhere.
struct ProcessIdentity {
    std::int64_t pid = 0;
    std::int64_t started = 0;  ///< clock ticks after boot; 0: it is no longer there
    std::string boot{};        ///< of the machine
    std::string pid_space{};   ///< in which `pid` means something: a container has its own
    friend bool operator==(ProcessIdentity const&, ProcessIdentity const&) = default;
};

ProcessIdentity this_process();

/// Whether it is surely gone (true) or surely there (false); nothing where this process can't know.
std::optional<bool> is_gone(ProcessIdentity const& process);

}  // namespace sluice::store
