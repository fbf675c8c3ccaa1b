#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/loader.hpp"

/// Any text is either a configuration or a list of problems, the same ones each time, and no output holds a secret
/// that came from a variable or a file.
using namespace sluice::config;

namespace {

LoadOptions options_for(std::string text) {
    LoadOptions options;
    options.text = std::move(text);
    options.environment = [](std::string_view name) -> std::optional<std::string> {
        if (name == "KEY" || name == "OPENAI_API_KEY") return "kanarienvogel-1";
        if (name == "EMPTY") return "";
        return std::nullopt;
    };
    options.files.read = [](std::string const& path) -> std::expected<std::string, std::string> {
        if (path == "key.txt") return "kanarienvogel-2\n";
        if (path == "conf.d/a.yaml") return "models: { included: openai/a }\ninclude: b.yaml\n";
        if (path == "conf.d/b.yaml") return "keys: [{ name: included, value: '${KEY}' }]\n";
        return std::unexpected("No such file or directory");
    };
    options.files.list = [](std::string const&) { return std::vector<std::string>{"a.yaml", "b.yaml"}; };
    return options;
}

std::string outputs(LoadResult const& result) {
    std::string all = result.effective_yaml + result.written_yaml + to_json(result.problems);
    for (Problem const& problem : result.problems) all += to_text(problem, Colour::none) + to_github(problem);
    return all;
}

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string const text(reinterpret_cast<char const*>(data), size);
    auto const options = options_for(text);
    auto const result = load(options);
    auto const again = load(options);
    require(result.problems == again.problems);
    require(result.effective_yaml == again.effective_yaml);
    require(result.settings.has_value() != has_errors(result.problems));
    require(!result.settings || result.settings->hash == again.settings->hash);
    // A variable may stand where no secret belongs (a description): what is effective shows it there.
    bool const may_show = text.contains("KEY") || text.contains("kanarienvogel");
    require(may_show || !outputs(result).contains("kanarienvogel"));
    return 0;
}
