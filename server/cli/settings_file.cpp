#include "server/cli/settings_file.hpp"

#include <cstdio>
#include <filesystem>
#include <utility>

#include "config/loader.hpp"
#include "server/cli/terminal.hpp"

namespace sluice::cli {

std::string find_configuration(std::string const& given) {
    if (!given.empty()) return given;
    if (auto const named = config::process_environment()("SLUICE_CONFIG").value_or(""); !named.empty()) return named;
    for (char const* path : {"sluice.yaml", "/etc/sluice/sluice.yaml"}) {
        std::error_code ignored;
        if (std::filesystem::exists(path, ignored)) return path;
    }
    return {};
}

std::optional<Settings> load_settings(std::string const& file) {
    config::LoadOptions const load{.path = file, .environment = config::process_environment(), .files = config::disk()};
    auto result = config::load(load);
    auto const colour = wants_colour(stderr) ? config::Colour::ansi : config::Colour::none;
    if (!result.settings) {
        for (auto const& problem : result.problems) std::fputs(to_text(problem, colour).c_str(), stderr);
    }
    return std::move(result.settings);
}

}  // namespace sluice::cli
