#pragma once

#include <memory>
#include <string>

#include "config/loader.hpp"

namespace sluice {

struct AppOptions {
    config::LoadOptions load;  ///< how the configuration was read, to read it again
    std::string port_file;     ///< empty: none
    std::string note;          ///< where the configuration comes from, for the banner
    bool banner = true;
    bool colour = false;  ///< in the banner
};

/// The gateway as a process: workers, listeners, admin, reload and shutdown. `first` is the result of `options.load`.
/// Returns the exit code once a signal has ended it. Thread: the main one.
int run_app(config::LoadResult first, AppOptions const& options);

}  // namespace sluice
