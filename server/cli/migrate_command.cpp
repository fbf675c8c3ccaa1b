#include "server/cli/migrate_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <optional>

#include "server/cli/exit_code.hpp"
#include "server/cli/migrate/report.hpp"

namespace sluice::cli {
namespace {

int refuse(std::string const& option, std::string const& message) {
    fmt::print(stderr, "sluice migrate: {}: {}\n", option, message);
    return exit_usage;
}

/// Line by line; tells a terminal how far it is.
void read_traffic(std::istream& file, Traffic& traffic) {
    using Clock = std::chrono::steady_clock;
    bool const tells = ::isatty(::fileno(stderr)) != 0;
    auto told = Clock::now();
    std::string line;
    while (std::getline(file, line)) {
        traffic.add(line);
        constexpr std::uint64_t between = 256;
        if (!tells || traffic.lines % between != 0 || Clock::now() - told < std::chrono::milliseconds(200)) continue;
        told = Clock::now();
        fmt::print(stderr, "\r{} lines", traffic.lines);
    }
    if (tells) fmt::print(stderr, "\r\033[K");
}

int exit_code_of(Level worst) {
    if (worst == Level::unsafe) return exit_unsafe;
    return worst == Level::changes ? exit_changes : exit_ok;
}

}  // namespace

int run_migrate(MigrateOptions const& options) {
    auto const from = read_from(options.from);
    if (!from) return refuse("--from", from.error());
    auto const to = read_to(options.to, *from);
    if (!to) return refuse("--to", to.error());
    std::optional<Traffic> traffic;
    if (!options.traffic_file.empty()) {
        traffic.emplace(*from, *to);
        std::ifstream file;
        bool const is_file = options.traffic_file != "-";
        if (is_file) file.open(options.traffic_file, std::ios::binary);
        if (is_file && !file) return refuse("--traffic", "can't read " + options.traffic_file);
        read_traffic(is_file ? static_cast<std::istream&>(file) : std::cin, *traffic);
        if (is_file && file.bad()) return refuse("--traffic", "can't read " + options.traffic_file);
    }
    auto const environment = config::process_environment();
    Comparison const sides{
        .from = *from, .to = *to, .environment = environment, .traffic = traffic ? &*traffic : nullptr};
    auto const findings = compare(sides);
    fmt::print("{}", options.json ? to_json(sides, findings) : to_text(sides, findings));
    return exit_code_of(worst(findings));
}

}  // namespace sluice::cli
