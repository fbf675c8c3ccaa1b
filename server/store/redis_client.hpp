#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "core/types/clock.hpp"
#include "core/types/result.hpp"
#include "core/types/secret.hpp"
#include "server/store/redis_reply.hpp"
#include "server/store/redis_url.hpp"

namespace sluice::store {

using RedisCommand = std::vector<std::string>;

/// One connection to a Redis 6 or later, opened when it is first needed and again after it failed. Every call blocks,
/// until `until` at the latest (but for the lookup of a host's name); an answer that comes later is nobody's: its
/// connection is closed. Thread: one at a time.
class RedisClient {
public:
    /// A machine whose every core is busy takes hundreds of milliseconds for an answer now and then. A new connection
    /// would have to wait for more of them.
    static constexpr std::chrono::milliseconds longest_wait{1'000};
    static Instant in_time() { return std::chrono::steady_clock::now() + longest_wait; }

    /// Errors: invalid_value where `url` can't be read. Opens no connection.
    static Result<std::unique_ptr<RedisClient>> make(Secret const& url);
    ~RedisClient();
    RedisClient(RedisClient const&) = delete;
    RedisClient& operator=(RedisClient const&) = delete;

    /// Sends all of `commands` at once; the answer to each, which may be an error of that command. Errors:
    /// ledger_unavailable, without the password. What was sent may have been done then, or will be done later.
    Result<std::vector<RedisReply>> run(std::vector<RedisCommand> const& commands, Instant until = in_time());
    /// Error also where Redis says one.
    Result<RedisReply> run(RedisCommand command);

private:
    class Connection;
    explicit RedisClient(RedisUrl url);
    Result<> connect(Instant until);
    Result<std::vector<RedisReply>> exchange(std::vector<RedisCommand> const& commands, Instant until);

    RedisUrl url_;
    std::unique_ptr<Connection> connection_{};
};

}  // namespace sluice::store
