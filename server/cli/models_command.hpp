#pragma once

#include <string>

#include "server/cli/migrate/model_rows.hpp"

namespace sluice::cli {

struct CatalogueOptions {
    ModelFilter filter;
    std::string config_file{};  ///< empty: the catalogue
    bool json = false;
};

/// `sluice models` without a gateway: what the catalogue knows, or what a gateway with that file would serve. Exit
/// codes: 0, 1 (nothing fits the filter), 2 (no such provider), 78 (the configuration is wrong).
int run_catalogue(CatalogueOptions const& options);

}  // namespace sluice::cli
