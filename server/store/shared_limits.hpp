#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/types/result.hpp"
#include "server/store/lease_limit.hpp"
#include "server/store/redis_client.hpp"

namespace sluice::store {

/// How long things last that replicas hold against each other.
struct LeaseTimes {
    /// What was granted may be used for so long after Redis has last confirmed that this process is alive.
    static constexpr std::chrono::milliseconds validity{3'000};
    /// After that its reservations have so long to reach the ledger, before the ledger's word is taken for its use.
    static constexpr std::chrono::milliseconds settling{500};
    static constexpr std::chrono::hours keep{48};  ///< limits that nobody asks for; the ledger has them
};

/// The limits that replicas share, as Redis has them: the scripts of lease_scripts.hpp with types. Each call is one
/// round trip and blocks, as RedisClient does. Errors: ledger_unavailable. Thread: one at a time.
class SharedLimits {
public:
    /// `epoch`: of this process, as the ledger has it.
    SharedLimits(std::unique_ptr<RedisClient> redis, std::int64_t epoch);

    enum class Answer : std::uint8_t {
        ok,
        lost,    ///< the counters are gone: the next generation has to be founded
        other,   ///< there is another generation, which this process has joined now
        late,    ///< somebody else has spoken for this process meanwhile
        absent,  ///< nobody has counted this limit yet
        moved,   ///< others are in a later window
        there,   ///< somebody was faster
        alive,
    };

    using Names = std::set<std::string, std::less<>>;  ///< of limits: SharedLimit::text()
    struct Beat {
        Answer answer = Answer::lost;
        bool was_late = false;  ///< nothing that was granted before holds any more
        Names short_of{};       ///< somebody lacks them
        std::vector<std::int64_t> dead{};
    };
    /// Says that this process is alive; every step needs one before it. Blocks until `until` at the latest.
    Result<Beat> beat(Instant until);

    enum class Way : std::uint8_t {
        take,
        retake,     ///< what is not used, and what is wanted: enough for somebody, or nothing
        give_back,  ///< what is not used
        leave,
    };
    struct Step {
        SharedLimit limit{};
        WallTime window_began{};
        std::int64_t most = 0;
        std::int64_t settled = 0;
        std::int64_t reserved = 0;
        std::int64_t held = 0;    ///< granted, as far as this process knows
        std::int64_t wanted = 0;  ///< more than what is granted, or used; to retake: more than is used
        std::int64_t least_wanted = 0;
        Way way = Way::take;
        /// Told for the first time: what Redis has of this process is the ledger's word, and what the process does not
        /// count of it is from before it had the limit.
        bool is_new = false;
    };
    struct Granted {
        Answer answer = Answer::lost;
        std::int64_t amount = 0;
        std::int64_t settled_elsewhere = 0;  ///< by all others, as far as they have said
    };
    Result<std::vector<Granted>> steps(std::span<Step const> steps);

    /// Nothing of this process is left in Redis but what it has spent.
    Result<> leave();

    // --- counting anew, by the ledger's word

    struct Part {
        std::int64_t epoch = 0;
        std::int64_t granted = 0;
        std::int64_t settled = 0;
    };
    struct Beginning {
        SharedLimit limit{};
        WallTime window_began{};
        std::int64_t spent = 0;   ///< by processes that are gone
        WallTime counts_until{};  ///< of a rolling limit: `spent`
        std::vector<Part> parts{};
    };
    Result<Answer> begin(Beginning const& beginning);

    /// All limits of this generation.
    Result<std::vector<SharedLimit>> limits();
    /// Those of `limits` of which something is granted to `epoch`, with the window that they are in.
    struct Share {
        std::size_t limit = 0;
        WallTime window_began{};
    };
    Result<std::vector<Share>> shares(std::span<SharedLimit const> limits, std::int64_t epoch);
    /// `epoch`, which is dead, has used no more than the part says. `gone`: and never will.
    Result<Answer> shrink(SharedLimit const& limit, WallTime window_began, Part const& part, bool gone,
                          WallTime counts_until);
    /// `epoch` is dead, and all of its shares have been shrunk: nobody hears of it any more.
    Result<Answer> forget_process(std::int64_t epoch);

    // --- generations

    std::string generation() const { return generation_; }
    void join(std::string generation);
    /// The generation that there is; empty: none.
    Result<std::string> find_generation();
    /// Only one gets it at a time.
    Result<bool> take_lock(std::string const& name, std::chrono::milliseconds at_most);
    /// With the lock of this name; false: it was lost, or somebody else was faster.
    Result<bool> found_generation(std::string const& lock, std::string const& generation);

private:
    std::string key(std::string_view name) const;
    std::string limit_key(SharedLimit const& limit) const;
    std::string beat_key() const { return key("beat:" + std::to_string(epoch_)); }
    Result<std::vector<RedisReply>> run(std::vector<RedisCommand> const& commands,
                                        Instant until = RedisClient::in_time());
    RedisCommand step_command(Step const& step) const;
    std::string number() const { return std::to_string(number_); }

    std::unique_ptr<RedisClient> redis_;
    std::int64_t const epoch_;
    std::string generation_{};
    std::int64_t number_ = 0;     ///< of the last beat
    std::int64_t confirmed_ = 0;  ///< the last that Redis is known to have
};

}  // namespace sluice::store
