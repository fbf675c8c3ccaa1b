#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/cli/admin_client.hpp"

namespace sluice::cli {

enum class KeysAction : std::uint8_t { create, list, show, rotate, disable, enable, remove };

/// What a key or a team is made with; empty: not said.
struct NewSettings {
    std::string team{};
    std::string description{};
    std::vector<std::string> models{};
    std::optional<std::int64_t> rpm{};
    std::optional<std::int64_t> tpm{};
    std::optional<std::int64_t> concurrent{};
    std::vector<std::string> budgets{};  ///< "5/day"
    std::vector<std::string> tags{};     ///< "env=prod"
    std::vector<std::string> networks{};
    std::vector<std::string> endpoints{};
    std::string expires{};
    std::string json{};  ///< all else, an object by the words of the configuration
};

struct KeysOptions {
    KeysAction action = KeysAction::list;
    AdminAddress address{};
    std::string name{};  ///< or id
    NewSettings settings{};
    std::string overlap = "24h";
    bool hash_only = false;
    bool cut = false;
    bool json = false;
};

/// `sluice keys`. A new key goes to stdout, what is said about it to stderr. Exit codes: 0, 1 (refused), 2 (wrong
/// usage), 69 (no gateway or database there), 77 (the token was refused), 78 (the configuration is wrong).
int run_keys(KeysOptions const& options);

enum class TeamsAction : std::uint8_t { create, list, show, remove };

struct TeamsOptions {
    TeamsAction action = TeamsAction::list;
    AdminAddress address{};
    std::string name{};
    NewSettings settings{};
    bool json = false;
};

/// `sluice teams`. As above.
int run_teams(TeamsOptions const& options);

}  // namespace sluice::cli
