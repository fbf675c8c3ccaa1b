#include "server/store/open_store.hpp"

#include <string>

#include "server/store/sqlite_store.hpp"

namespace sluice::store {

Result<std::unique_ptr<Store>> open_store(std::string_view url, OpenedBy opener) {
    constexpr std::string_view sqlite_scheme = "sqlite://";
    if (url.starts_with(sqlite_scheme) && url.substr(sqlite_scheme.size()).starts_with('/')) {
        return open_sqlite(std::string(url.substr(sqlite_scheme.size())), opener);
    }
    return std::unexpected(Error{.kind = ErrorKind::invalid_value,
                                 .message = "a database is named as sqlite:///PATH",
                                 .detail = "a database is named as sqlite:///PATH"});
}

}  // namespace sluice::store
