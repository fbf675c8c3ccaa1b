#pragma once

#include <functional>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace sluice::cli {

/// Adds `sluice keys` and `sluice teams`. `action` is set to what the chosen command does.
void add_keys(CLI::App& app, std::function<int()>& action);

}  // namespace sluice::cli
