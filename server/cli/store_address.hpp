#pragma once

#include <memory>
#include <string>

#include "server/store/open_store.hpp"

namespace sluice::cli {

/// Which database a command is about.
struct StoreAddress {
    std::string config_file{};
    std::string database{};  ///< URL; empty: the configuration's
};

/// The database, or why a command ends: then stderr says it. A gateway may be running on it.
struct OpenedStore {
    std::unique_ptr<store::Store> store{};
    int exit_code = 0;  ///< 0, 69 (it can't be opened), 78 (the configuration is wrong, or names none)
};
OpenedStore open_store(StoreAddress const& address, std::string const& command);

}  // namespace sluice::cli
