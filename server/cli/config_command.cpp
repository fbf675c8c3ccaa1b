#include "server/cli/config_command.hpp"

#include <cstdio>

#include "config/documents.hpp"
#include "config/loader.hpp"
#include "config/zero_config.hpp"
#include "server/admin/documents.hpp"
#include "server/cli/exit_code.hpp"
#include "server/cli/settings_file.hpp"
#include "server/cli/terminal.hpp"

namespace sluice::cli {
namespace {

void print(std::string const& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int show(ConfigOptions const& options) {
    config::LoadOptions load;
    load.environment = config::process_environment();
    load.files = config::disk();
    load.path = find_configuration(options.config_file);
    if (load.path.empty()) {
        load.text = config::zero_config_yaml(load.environment);
        load.path = "(environment)";
        if (!load.text) {
            std::fputs("sluice config show: no file given, and no provider's key in the environment\n", stderr);
            return exit_usage;
        }
    }
    auto const result = config::load(load);
    auto const colour = wants_colour(stderr) ? config::Colour::ansi : config::Colour::none;
    for (config::Problem const& problem : result.problems) std::fputs(to_text(problem, colour).c_str(), stderr);
    if (!result.settings) return exit_configuration;
    print(options.effective ? result.effective_yaml : result.written_yaml);
    return exit_ok;
}

}  // namespace

int run_config(ConfigOptions const& options) {
    switch (options.action) {
        case ConfigAction::show:
            return show(options);
        case ConfigAction::schema:
            print(config::json_schema());
            break;
        case ConfigAction::reference:
            print(config::reference_page());
            break;
        case ConfigAction::init:
            print(config::starter_yaml());
            break;
        case ConfigAction::admin_api:
            print(admin::reference_page());
            break;
    }
    return exit_ok;
}

}  // namespace sluice::cli
