#pragma once

#include <cstdint>

#include "core/types/settings.hpp"

namespace sluice {

/// What one probe of a provider shows. misdirected: somebody is there, who has no such page, or not for us.
enum class ProbeResult : std::uint8_t { alive, misdirected, failed };

ProbeResult judge_probe(int status);

/// Marks a provider as down after so many failures in a row, and as up again after so many successes. Pure.
class HealthCheck {
public:
    enum class Change : std::uint8_t { none, down, up };

    Change note(ProbeResult result, HealthCheckSettings const& settings);
    bool is_down() const { return down_; }

private:
    unsigned in_a_row_ = 0;  ///< results against the present state
    bool down_ = false;
};

}  // namespace sluice
