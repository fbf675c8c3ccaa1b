#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/types/result.hpp"

namespace sluice::cli {

/// Where commands that manage keys send their requests.
struct AdminAddress {
    std::string admin_url{};    ///< of a running gateway; empty: the database itself
    std::string token_file{};   ///< else SLUICE_ADMIN_TOKEN, else the configuration's
    std::string token{};        ///< SLUICE_ADMIN_TOKEN
    std::string config_file{};  ///< whose database and models are meant
};

struct AdminAnswer {
    int status = 0;
    std::string body{};
};

/// Who answers requests of the admin API: a gateway over HTTP, or the same handlers here on a database, with all power.
class AdminClient {
public:
    virtual ~AdminClient() = default;
    /// Errors: upstream_unavailable, with the reason.
    virtual Result<AdminAnswer> ask(std::string const& method, std::string const& path, std::string const& body) = 0;
};

/// make: a database that is not there is made.
enum class DatabaseNeed : std::uint8_t { there, make };

/// Nothing: what is wrong stands on stderr, and `exit_code` says it for scripts.
std::unique_ptr<AdminClient> connect_admin(AdminAddress const& address, DatabaseNeed need, int& exit_code);

}  // namespace sluice::cli
