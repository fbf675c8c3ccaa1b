#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/loader.hpp"

/// A configuration without a disk and without a process' environment.
namespace sluice::config::testing {

using Variables = std::map<std::string, std::string, std::less<>>;
using FakeFiles = std::map<std::string, std::string>;

/// KEY, OPENAI_API_KEY, WORD and EMPTY.
Variables usual_variables();
Environment environment_of(Variables variables);
Files files_of(FakeFiles files);

/// Loads `yaml` as sluice.yaml, with key.txt beside it.
LoadResult load_text(std::string const& yaml, Variables variables = usual_variables());
LoadResult load_files(FakeFiles files, Variables variables = usual_variables());

/// "3:14: message", or "warning 3:14: message"; with the file's name if that is not sluice.yaml.
std::vector<std::string> lines_of(LoadResult const& result);
std::vector<std::string> problems_of(std::string const& yaml);

/// The settings, or a failed test with the problems in its message.
Settings settings_of(std::string const& yaml, Variables variables = usual_variables());

struct Wrong {
    std::string name;
    std::string yaml;
    std::vector<std::string> problems;
};

}  // namespace sluice::config::testing
