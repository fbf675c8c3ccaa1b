#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/loader.hpp"
#include "server/control/inheritance.hpp"

namespace sluice {

struct AppOptions {
    config::LoadOptions load;            ///< how the configuration was read, to read it again
    std::string port_file;               ///< empty: none
    std::string note;                    ///< where the configuration comes from, for the banner
    std::vector<std::string> command{};  ///< program file and arguments, for an upgrade
    bool banner = true;
    bool colour = false;  ///< in the banner
};

/// The gateway as a process: workers, listeners, admin, reload, upgrade and shutdown. `first` is the result of
/// `options.load`, `inheritance` what the process was started with. Returns the exit code once a signal has ended it.
/// Thread: the main one.
int run_app(config::LoadResult first, AppOptions const& options, control::Inheritance& inheritance);

}  // namespace sluice
