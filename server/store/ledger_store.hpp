#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/pipeline/ledger.hpp"
#include "core/types/limits.hpp"
#include "core/types/result.hpp"

/// What the ledger and the keys need of a database. Implemented for SQLite and PostgreSQL. Every call blocks: used by
/// threads of their own (ledger_writer.hpp), never by a worker.
namespace sluice::store {

/// Names a call for ever: the process that made it, and its number there. `epoch` is drawn at random when a process
/// starts (63 bits, never 0).
struct CallId {
    std::int64_t epoch = 0;
    std::int64_t number = 0;
    friend auto operator<=>(CallId const&, CallId const&) = default;
};

/// As LedgerReservation, for as long as it is needed.
struct ReservedCall {
    WallTime at{};
    std::string request_id{};
    unsigned attempt = 0;
    std::string key{};
    std::string team{};
    std::map<std::string, std::string> tags{};
    std::string user{};
    std::string model{};
    std::string provider{};
    std::string target_model{};
    std::string credential{};
    NanoUsd amount{};
};

/// Holds as long as `call`.
inline LedgerReservation view_of(ReservedCall const& call) {
    return {.at = call.at,
            .request_id = call.request_id,
            .attempt = call.attempt,
            .key = call.key,
            .team = call.team,
            .tags = &call.tags,
            .user = call.user,
            .model = call.model,
            .provider = call.provider,
            .target_model = call.target_model,
            .credential = call.credential,
            .amount = call.amount};
}

struct Reserve {
    CallId id{};
    ReservedCall call{};
};
/// The reservation is `amount` from now on.
struct Raise {
    CallId id{};
    WallTime at{};
    NanoUsd amount{};
};
struct Settle {
    CallId id{};
    LedgerSettlement end{};
    std::int64_t requests = 1;  ///< what it counts as towards limits on requests: 1 for the first call of a request
};
using LedgerEvent = std::variant<Reserve, Raise, Settle>;

/// What was used of a payer in one hour: the sum of what was settled in it.
struct HourSum {
    Payer payer{};
    WallTime hour{};  ///< its beginning
    Amounts used{};
};

struct UsageQuery {
    enum class By : std::uint8_t { key, team, model, provider, target, tag, user, day };
    By by = By::key;
    WallTime since{};                  ///< of the settlement
    WallTime until{};                  ///< not included; WallTime{}: none
    std::map<By, std::string> only{};  ///< rows with these values alone
};
struct UsageRow {
    std::string name{};
    std::int64_t calls = 0;   ///< that were settled
    std::int64_t failed = 0;  ///< of these: neither ok nor cancelled
    Usage usage{};            ///< sums
    NanoUsd cost{};
    NanoUsd sheet_cost{};
    std::int64_t estimated = 0;  ///< calls whose usage we counted ourselves
    std::int64_t open = 0;       ///< calls under way
    NanoUsd reserved{};          ///< by these
};

/// How many calls of one process the store knows.
struct EpochCounts {
    std::int64_t calls = 0;
    std::int64_t settled = 0;
    std::int64_t answered = 0;  ///< settled with a 2xx of the upstream
};

/// What `sluice ledger verify` found; empty: all is as it should be.
struct LedgerFault {
    std::string what{};  ///< one sentence, with ids and figures
};

/// What another process on the same ledger has written of one of its calls.
struct OtherCall {
    CallId id{};
    std::vector<Payer> payers{};    ///< only where the call is told of for the first time
    Amounts reserved{};             ///< money and requests, while it is open
    std::optional<Amounts> used{};  ///< absent: it is open
};

/// How far somebody has read what other processes write. One reader's; a value.
struct OthersRead {
    struct Process {
        std::int64_t last = 0;             ///< the highest call number that was met
        std::set<std::int64_t> skipped{};  ///< numbers below it that were not there: calls may be written in any order
        std::map<std::int64_t, Amounts> open{};  ///< calls under way, with what they have reserved
        bool was_alive = false;
    };
    std::map<std::int64_t, Process> processes{};
    bool has_begun = false;
};

/// One instant of the ledger.
struct LedgerMoment {
    std::vector<HourSum> sums{};
    std::vector<OtherCall> others{};
};

/// The append-only record. reserve, settle and adjust lines are only ever added; sums by hour are kept beside them in
/// the same transaction, and verify() compares both.
class LedgerStore {
public:
    virtual ~LedgerStore() = default;

    /// All of `events`, in one transaction, or none. After it they survive kill -9. Appending an event again changes
    /// nothing (keys are unique, a call is settled once). Errors: ledger_unavailable, with the reason in `detail`.
    virtual Result<> append(std::span<LedgerEvent const> events) = 0;

    /// What was appended so far survives a power cut. Errors: ledger_unavailable; then the store must be opened anew.
    virtual Result<> sync() = 0;

    /// After an error: opens it anew, so that it can be trusted again. What was appended but not synced may be gone and
    /// has to be appended again. For a store that mends itself there is nothing to do.
    virtual Result<> reopen() { return {}; }
    /// What has to be done now and then, and may take a while. Called often, beside append().
    virtual Result<> tidy() { return {}; }

    /// Settles every open call of processes that are gone: for its reservation, marked `recovered`. Which are gone:
    /// all epochs but those whose heartbeat is younger than `alive_within`, and `mine`. Returns how many. A settlement
    /// that comes after all corrects it, as an adjustment.
    virtual Result<std::int64_t> recover(std::int64_t mine, WallTime now, std::chrono::milliseconds alive_within) = 0;
    /// Says that `epoch`, this process, is alive; with WallTime{}: that it ends. A process of this machine that is gone
    /// counts as gone at once, however young its heartbeat is.
    virtual Result<> heartbeat(std::int64_t epoch, WallTime now) = 0;
    virtual Result<EpochCounts> counts(std::int64_t epoch) = 0;

    /// Sums of every hour that begins at `since` or later, and one for all before it, of all payers.
    virtual Result<std::vector<HourSum>> sums(WallTime since) = 0;

    /// sums(), and the calls of processes other than `mine` that are open at the same instant: with it `read` begins.
    /// A store whose processes share limits elsewhere knows no others.
    virtual Result<LedgerMoment> begin_reading_others(WallTime since, [[maybe_unused]] std::int64_t mine,
                                                      [[maybe_unused]] OthersRead& read) {
        SLUICE_TRY(auto sums, this->sums(since));
        return LedgerMoment{.sums = std::move(sums)};
    }
    /// Calls of others that began, reserved more or were settled since `read`, which moves on. Processes whose last
    /// heartbeat is older than `alive_since` are only followed to the end of what they left. Errors:
    /// ledger_unavailable, and `read` stays where it was.
    virtual Result<std::vector<OtherCall>> read_others([[maybe_unused]] std::int64_t mine,
                                                       [[maybe_unused]] WallTime alive_since,
                                                       [[maybe_unused]] OthersRead& read) {
        return {};
    }

    /// What open calls of other processes than `mine` hold, as of the hour of `now`: if they are gone, recover() will
    /// charge it. To be asked before sums(): a call that ends between both counts twice then, not never. A store that
    /// tells them through begin_reading_others() has none.
    virtual Result<std::vector<HourSum>> held_by_others(std::int64_t /*mine*/, WallTime /*now*/) {
        return std::vector<HourSum>{};
    }
    virtual Result<std::vector<UsageRow>> usage(UsageQuery const& query) = 0;
    /// A correction by hand: `amount` (may be negative) more for a call that was settled, and why.
    virtual Result<> adjust(CallId id, NanoUsd amount, std::string const& why, WallTime now) = 0;
    virtual Result<std::vector<LedgerFault>> verify() = 0;
    /// Removes lines of calls settled before `before`; sums stay. Returns how many calls.
    virtual Result<std::int64_t> forget(WallTime before) = 0;
    /// Each call with all its lines as one JSON object, oldest first, to `take`; false from it ends the export.
    virtual Result<> export_calls(WallTime since, WallTime until,
                                  std::function<bool(std::string const& json_line)> const& take) = 0;
};

/// A key that was made by CLI or API.
struct StoredKey {
    std::string id{};      ///< public: "k_" and 12 characters
    std::string name{};    ///< unique among keys that are not deleted
    std::string prefix{};  ///< of the key's own text, to recognise it: "sk-sluice-" and 6 characters
    std::string sha256_hex{};
    std::string settings_json{};  ///< models, team, tags, limits ...: see keys/key_json.hpp
    WallTime created{};
    std::optional<WallTime> expires{};
    bool disabled = false;
    /// Id of the first key of a row of rotations, by which limits and the ledger go; empty: this one's own.
    std::string replaces{};
};
struct StoredTeam {
    std::string name{};
    std::string settings_json{};
    WallTime created{};
};

/// Keys and teams made by CLI and API. `version` grows with every change, so that replicas notice.
class KeyStore {
public:
    virtual ~KeyStore() = default;
    virtual Result<std::int64_t> version() = 0;
    virtual Result<std::vector<StoredKey>> keys() = 0;
    virtual Result<std::vector<StoredTeam>> teams() = 0;
    /// Adds it, or replaces the one with its id. Errors: invalid_value where another one has its name or hash.
    virtual Result<> put(StoredKey const& key) = 0;
    virtual Result<> put(StoredTeam const& team) = 0;
    /// All of `keys`, in this order, or none of them, where a store can promise that; this default can't.
    virtual Result<> put_all(std::span<StoredKey const> keys) {
        for (auto const& key : keys) SLUICE_CHECK(put(key));
        return {};
    }
    /// False: there was none. Its calls stay in the ledger.
    virtual Result<bool> remove_key(std::string const& id) = 0;
    virtual Result<bool> remove_team(std::string const& name) = 0;
};

}  // namespace sluice::store
