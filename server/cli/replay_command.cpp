#include "server/cli/replay_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <iostream>

#include "server/cli/exit_code.hpp"
#include "server/cli/replay/replay.hpp"
#include "server/cli/settings_file.hpp"

namespace sluice::cli {
namespace {

void read_log(std::istream& in, Replay& replay) {
    bool const tells = ::isatty(::fileno(stderr)) != 0;
    std::string line;
    while (std::getline(in, line)) {
        replay.add(line);
        constexpr std::uint64_t between = 65'536;
        if (tells && replay.lines % between == 0) fmt::print(stderr, "\r{} lines", replay.lines);
    }
    if (tells) fmt::print(stderr, "\r\033[K");
}

int exit_code_of(Replay const& replay) {
    if (replay.differing > 0 || replay.no_target > replay.found_none_before) return exit_unsafe;
    return replay.changed > 0 ? exit_changes : exit_ok;
}

}  // namespace

int run_replay(ReplayOptions const& options) {
    auto settings = load_settings(options.config_file);
    if (!settings) return exit_configuration;
    HealthRegistry health;
    auto const snapshot = Snapshot::make(*std::move(settings), health);
    Replay replay(*snapshot);
    if (options.log_file == "-") {
        read_log(std::cin, replay);
    } else {
        std::ifstream in(options.log_file, std::ios::binary);
        if (!in) {
            fmt::print(stderr, "sluice replay: there is no file {}\n", options.log_file);
            return exit_usage;
        }
        read_log(in, replay);
    }
    fmt::print("{}", options.json ? to_json(replay) : to_text(replay));
    return exit_code_of(replay);
}

}  // namespace sluice::cli
