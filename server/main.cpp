#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "server/cli/cli.hpp"
#include "server/cli/exit_code.hpp"

int main(int argc, char const* const* argv) try {
    return sluice::cli::run(argc, argv);
} catch (std::exception const& bug) {
    fmt::print(stderr, "sluice: internal error: {}\n", bug.what());
    return sluice::cli::exit_failed;
}
