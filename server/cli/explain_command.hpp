#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

struct ExplainOptions {
    std::string model{};
    std::string key{};
    std::string body_file{};             ///< "-" is stdin
    std::vector<std::string> headers{};  ///< "name: value"
    std::optional<std::uint64_t> seed{};
    std::string config_file{};
    std::string token{};      ///< for that gateway
    std::string admin_url{};  ///< ask the gateway there; empty: plan with the file and fresh health
    bool json = false;
};

/// `sluice explain`: where a request would go and why; sends nothing to any provider. Exit codes: 0, 1 (no target, or
/// the request would be refused), 2 (wrong usage), 69 (no gateway there), 77 (the token was refused), 78 (the
/// configuration is wrong).
int run_explain(ExplainOptions const& options);

}  // namespace sluice::cli
