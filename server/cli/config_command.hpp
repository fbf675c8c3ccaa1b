#pragma once

#include <cstdint>
#include <string>

namespace sluice::cli {

enum class ConfigAction : std::uint8_t {
    show,       ///< the configuration, merged, with secrets masked and each value's origin
    schema,     ///< the JSON Schema of the file
    reference,  ///< the reference page, Markdown
    init,       ///< a file to start from
    admin_api,  ///< the admin API's page, Markdown
};

struct ConfigOptions {
    ConfigAction action = ConfigAction::show;
    std::string config_file;  ///< empty: SLUICE_CONFIG, ./sluice.yaml, /etc/sluice/sluice.yaml, the environment
    bool effective = false;   ///< show: defaults too
};

/// `sluice config show|schema|reference|init|admin-api`, on stdout. Exit codes: 0, 78 (the configuration is wrong), 2
/// (there is none).
int run_config(ConfigOptions const& options);

}  // namespace sluice::cli
