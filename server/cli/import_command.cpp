#include "server/cli/import_command.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "config/environment.hpp"
#include "config/import/litellm.hpp"
#include "server/cli/exit_code.hpp"
#include "server/cli/terminal.hpp"

namespace sluice::cli {
namespace {

void print_left(config::Imported const& imported, std::string const& file) {
    auto const left = imported.all_left();
    for (config::LeftOver const& each : left)
        fmt::print(stderr, "{}:{}: {}{}: {}\n", file, each.line, each.path, each.value.empty() ? "" : ": " + each.value,
                   each.why);
    fmt::print(stderr, "{} settings translated: {} providers, {} models; {} left as comments\n", imported.translated,
               imported.providers.size(), imported.models.size() + imported.aliases.size(), left.size());
}

std::string report_of(config::Imported const& imported, std::string const& file) {
    using Json = nlohmann::ordered_json;
    Json json{{"file", file},
              {"translated", imported.translated},
              {"providers", imported.providers.size()},
              {"models", imported.models.size() + imported.aliases.size()},
              {"left", Json::array()}};
    for (config::LeftOver const& each : imported.all_left())
        json["left"].push_back({{"line", each.line}, {"path", each.path}, {"value", each.value}, {"why", each.why}});
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

int run_import_litellm(ImportOptions const& options) {
    auto const text = config::disk().read(options.file);
    if (!text) {
        fmt::print(stderr, "sluice import: can't read {}: {}\n", options.file, text.error());
        return exit_usage;
    }
    auto const made = config::import_litellm(*text, options.file);
    auto const colour = wants_colour(stderr) ? config::Colour::ansi : config::Colour::none;
    for (config::Problem const& problem : made.problems) fmt::print(stderr, "{}", to_text(problem, colour));
    if (!made.imported) return exit_configuration;
    auto const yaml = to_yaml(*made.imported, std::filesystem::path(options.file).filename().string());
    if (!options.output.empty()) {
        std::ofstream file(options.output, std::ios::binary | std::ios::trunc);
        file << yaml;
        file.close();
        if (!file) {
            fmt::print(stderr, "sluice import: can't write {}\n", options.output);
            return exit_failed;
        }
    }
    if (options.json) fmt::print("{}", report_of(*made.imported, options.file));
    if (!options.json && options.output.empty()) fmt::print("{}", yaml);
    if (!options.json) print_left(*made.imported, options.file);
    return made.imported->all_left().empty() ? exit_ok : exit_changes;
}

}  // namespace sluice::cli
