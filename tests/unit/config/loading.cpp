#include "tests/unit/config/loading.hpp"

#include <catch2/catch.hpp>

#include "config/text.hpp"

namespace sluice::config::testing {

Variables usual_variables() {
    return {
        {"KEY", "sk-canary-1234567890"}, {"OPENAI_API_KEY", "sk-canary-openai-key"}, {"WORD", "abc"}, {"EMPTY", ""}};
}

Environment environment_of(Variables variables) {
    return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
        auto const found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
}

Files files_of(FakeFiles files) {
    Files made;
    made.read = [files](std::string const& path) -> std::expected<std::string, std::string> {
        auto const found = files.find(path);
        if (found == files.end()) return std::unexpected("No such file or directory");
        return found->second;
    };
    made.list = [files](std::string const& directory) {
        std::vector<std::string> names;
        for (auto const& [path, unused] : files) {
            if (directory_of(path) == directory) names.push_back(path.substr(path.rfind('/') + 1));
        }
        return names;
    };
    return made;
}

LoadResult load_files(FakeFiles files, Variables variables) {
    return load({.path = "sluice.yaml",
                 .environment = environment_of(std::move(variables)),
                 .files = files_of(std::move(files))});
}

LoadResult load_text(std::string const& yaml, Variables variables) {
    return load_files({{"sluice.yaml", yaml}, {"key.txt", "sk-file-canary-12345\n"}}, std::move(variables));
}

std::vector<std::string> lines_of(LoadResult const& result) {
    std::vector<std::string> lines;
    for (Problem const& problem : result.problems) {
        std::string line = problem.severity == Severity::warning ? "warning " : "";
        if (problem.at.file != "sluice.yaml") line += problem.at.file + ":";
        line += std::to_string(problem.at.line) + ":" + std::to_string(problem.at.column) + ": " + problem.message;
        lines.push_back(std::move(line));
    }
    return lines;
}

std::vector<std::string> problems_of(std::string const& yaml) { return lines_of(load_text(yaml)); }

Settings settings_of(std::string const& yaml, Variables variables) {
    auto result = load_text(yaml, std::move(variables));
    INFO(yaml);
    CHECK(lines_of(result) == std::vector<std::string>{});
    REQUIRE(result.settings);
    return *std::move(result.settings);
}

}  // namespace sluice::config::testing
