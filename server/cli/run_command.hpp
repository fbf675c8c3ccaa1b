#pragma once

#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

struct RunOptions {
    /// Empty: SLUICE_CONFIG, ./sluice.yaml, /etc/sluice/sluice.yaml, the environment, the demo.
    std::string config_file{};
    bool demo = false;
    std::string listen{};                ///< overrides server.listen
    std::string admin_listen{};          ///< overrides server.admin_listen
    std::string port_file{};             ///< written once the gateway is ready: {"data":8080,"admin":9090}
    bool quiet = false;                  ///< no banner
    std::vector<std::string> command{};  ///< argv, to start the program again in an upgrade
};

/// `sluice run`: until a signal ends it. Exit codes: 0, 1, 78.
int run_gateway(RunOptions const& options);

struct LabCommandOptions {
    std::string listen = "127.0.0.1:18080";
    std::string scenario_file;
    std::string provider_folder;
    std::string certificate_file;
    std::string key_file;
    unsigned long seed = 1;
    unsigned threads = 1;
};

/// `sluice lab`: until a signal ends it.
int run_lab(LabCommandOptions const& options);

}  // namespace sluice::cli
