#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/pipeline/limit_book.hpp"
#include "core/types/result.hpp"
#include "core/types/settings.hpp"
#include "server/api/live_requests.hpp"
#include "server/explain/question.hpp"
#include "server/keys/key_changes.hpp"
#include "server/keys/key_directory.hpp"
#include "server/store/ledger_store.hpp"

namespace sluice {
class HealthRegistry;
}

namespace sluice::admin {

/// The requests under way on all workers. Thread: the admin's; may block until the workers have answered.
class LiveRequests {
public:
    virtual ~LiveRequests() = default;
    virtual std::vector<api::LiveRequest> list() = 0;
    /// Ends what is under way: a stream with an error event. Returns how many.
    virtual std::size_t cut_request(std::string_view request_id) = 0;
    /// `key_id` is Caller::id: of keys that were rotated into each other the first one's.
    virtual std::size_t cut_key(std::string_view key_id) = 0;
};

/// What the admin API asks and acts on. What is missing answers 404 with a reason. All of it outlives the API, and is
/// used on its thread alone, where a call that blocks for some milliseconds, as a database's do, is in nobody's way.
struct AdminParts {
    std::function<std::shared_ptr<Settings const>()> settings{};  ///< in force
    keys::KeyDirectory* directory = nullptr;
    keys::KeyChanges* changes = nullptr;  ///< null: no database keeps keys
    LimitBook* limits = nullptr;
    store::LedgerStore* ledger = nullptr;
    LiveRequests* live = nullptr;
    HealthRegistry const* health = nullptr;
    std::function<Result<std::string>(explain::Question const& question)> explain{};
    std::function<Result<std::string>()> reload{};  ///< gives the hash of the configuration that is then in force
};

}  // namespace sluice::admin
