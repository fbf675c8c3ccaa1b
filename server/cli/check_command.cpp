#include "server/cli/check_command.hpp"

#include <cstdio>
#include <filesystem>

#include "config/loader.hpp"
#include "server/cli/exit_code.hpp"
#include "server/cli/terminal.hpp"

namespace sluice::cli {
namespace {

config::LoadResult checked(std::string const& file) {
    config::LoadOptions options;
    options.path = file;
    options.environment = config::process_environment();
    options.files = config::disk();
    return config::load(options);
}

bool fails(std::vector<config::Problem> const& problems, CheckOptions const& options) {
    return has_errors(problems) || (options.strict && !problems.empty());
}

void print(config::LoadResult const& result, std::string const& file, CheckOptions const& options) {
    for (config::Problem const& problem : result.problems) {
        auto const colour = wants_colour(stdout) ? config::Colour::ansi : config::Colour::none;
        std::string const text = options.format == CheckFormat::github ? to_github(problem) : to_text(problem, colour);
        std::fputs(text.c_str(), stdout);
    }
    if (options.format != CheckFormat::text || fails(result.problems, options)) return;
    Settings const& settings = *result.settings;
    std::printf("%s: ok (providers: %zu, models: %zu, keys: %zu)\n", file.c_str(), settings.providers.size(),
                settings.models.size(), settings.keys.size());
}

}  // namespace

int run_check(CheckOptions const& options) {
    if (options.files.empty()) {
        std::fputs("sluice check: no file given\n", stderr);
        return exit_usage;
    }
    std::vector<config::Problem> all;
    for (std::string const& file : options.files) {
        std::error_code ignored;
        if (!std::filesystem::exists(file, ignored)) {
            std::fprintf(stderr, "sluice check: there is no file %s\n", file.c_str());
            return exit_usage;
        }
        auto const result = checked(file);
        if (options.format != CheckFormat::json) print(result, file, options);
        all.insert(all.end(), result.problems.begin(), result.problems.end());
    }
    if (options.format == CheckFormat::json) std::fputs(to_json(all).c_str(), stdout);
    return fails(all, options) ? exit_configuration : exit_ok;
}

}  // namespace sluice::cli
