#include "server/store/open_store.hpp"

#include <string>

#include "server/store/postgres_store.hpp"
#include "server/store/sqlite_store.hpp"

namespace sluice::store {

Result<std::unique_ptr<Store>> open_store(std::string_view url, OpenedBy opener) {
    constexpr std::string_view sqlite_scheme = "sqlite://";
    if (url.starts_with(sqlite_scheme) && url.substr(sqlite_scheme.size()).starts_with('/')) {
        return open_sqlite(std::string(url.substr(sqlite_scheme.size())), opener);
    }
    if (names_postgres(url)) return open_postgres(url, opener);
    constexpr char const* what = "a database is named as sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE";
    return std::unexpected(Error{.kind = ErrorKind::invalid_value, .message = what, .detail = what});
}

}  // namespace sluice::store
