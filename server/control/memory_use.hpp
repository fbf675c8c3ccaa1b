#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace sluice::control {

/// What the kernel says about this process's memory, and about the control group that limits it. Thread: the main one.
class MemoryUse {
public:
    /// The first few KiB of a file; empty where it can't be read. Tests give a map.
    using Read = std::function<std::string(std::string const& path)>;

    /// Finds the control group (version 1 or 2) with the lowest limit among those that this process is in.
    explicit MemoryUse(Read read = read_start);

    /// The control group's limit; nothing where there is none.
    std::optional<std::uint64_t> group_limit() const { return group_limit_; }

    /// Bytes in use. In a limited group that is what counts against its limit, kernel buffers too, without the files'
    /// pages that the kernel can drop; else what is resident.
    std::uint64_t now() const;

private:
    static std::string read_start(std::string const& path);
    void look_at(std::string const& folder, bool unified);

    Read read_;
    std::optional<std::uint64_t> group_limit_;
    std::string folder_;  ///< of the group
    bool unified_ = false;
};

}  // namespace sluice::control
