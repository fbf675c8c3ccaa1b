#pragma once

#include <cstdint>
#include <string>

#include "core/types/settings.hpp"

namespace sluice {

/// What a started gateway tells about itself.
struct Announcement {
    Settings const& settings;
    std::uint16_t data_port = 0;
    std::uint16_t admin_port = 0;
    unsigned workers = 1;
    std::string const& note;
    std::string const& port_file;
    bool banner = true;
    bool colour = false;
};

/// Prints the banner to stderr, and writes the port file for scripts.
void announce(Announcement const& announcement);

}  // namespace sluice
