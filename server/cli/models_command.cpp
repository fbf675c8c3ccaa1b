#include "server/cli/models_command.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/text.hpp"
#include "server/cli/exit_code.hpp"
#include "server/cli/settings_file.hpp"

namespace sluice::cli {
namespace {

/// Of a provider that isn't there: what is.
int refuse_provider(std::string const& name, std::vector<std::string> const& known) {
    fmt::print(stderr, "sluice models: there is no provider `{}`{}\n", config::clipped(name),
               config::suggestion(name, known));
    return exit_usage;
}

}  // namespace

int run_catalogue(CatalogueOptions const& options) {
    std::vector<ModelRow> rows;
    std::vector<std::string> providers;
    std::string const& wanted = options.filter.provider;
    if (options.config_file.empty()) {
        for (config::Profile const& profile : config::profiles()) providers.push_back(profile.name);
        rows = catalogue_rows(options.filter);
    } else {
        auto const settings = load_settings(options.config_file);
        if (!settings) return exit_configuration;
        for (auto const& [name, provider] : settings->providers) providers.push_back(name);
        rows = served_rows(*settings, options.filter);
    }
    if (!wanted.empty() && std::ranges::find(providers, wanted) == providers.end())
        return refuse_provider(wanted, providers);
    fmt::print("{}", options.json ? to_json(rows) : to_table(rows));
    if (!rows.empty()) return exit_ok;
    fmt::print(stderr, "sluice models: nothing fits\n");
    return exit_failed;
}

}  // namespace sluice::cli
