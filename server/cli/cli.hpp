#pragma once

namespace sluice::cli {

/// Reads the command line, runs the command, returns the process' exit code (exit_code.hpp).
int run(int argc, char const* const* argv);

}  // namespace sluice::cli
