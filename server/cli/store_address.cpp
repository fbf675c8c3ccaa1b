#include "server/cli/store_address.hpp"

#include <fmt/format.h>

#include <utility>

#include "server/cli/exit_code.hpp"
#include "server/cli/settings_file.hpp"

namespace sluice::cli {

OpenedStore open_store(StoreAddress const& address, std::string const& command) {
    Secret url(address.database);
    if (url.empty()) {
        auto const settings = load_settings(address.config_file);
        if (!settings) return {.exit_code = exit_configuration};
        url = settings->storage.database;
    }
    if (url.empty()) {
        fmt::print(stderr, "sluice {}: the configuration names no database (storage.database), nor does --database\n",
                   command);
        return {.exit_code = exit_configuration};
    }
    auto opened = store::open_store(url.expose(), store::OpenedBy::command);
    if (opened) return {.store = *std::move(opened)};
    fmt::print(stderr, "sluice {}: {}\n", command, opened.error().detail.str());
    return {.exit_code = exit_unavailable};
}

}  // namespace sluice::cli
