#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "core/pipeline/ports.hpp"
#include "core/types/settings.hpp"
#include "server/http/reply.hpp"
#include "server/http/request_head.hpp"
#include "server/http/target.hpp"

namespace sluice::http {

class BodyReader;

/// One request as an endpoint sees it. Lives while its handler runs.
struct ServerRequest {
    RequestHead const& head;
    NormalPath path;  ///< empty when the target has none; then nothing matches
    std::string request_id;
    std::string_view peer;  ///< the client's address, without its port
    Instant received_at;
    std::chrono::system_clock::time_point started_at;
    Cancellation& cancellation;
    Reply& reply;
    BodyReader& body;
};

/// What a listener serves. One object per worker. Thread: its worker's.
class Handler {
public:
    virtual ~Handler() = default;

    /// Answers `request` through its reply, exactly once. What it leaves of the body is drained or cut off.
    virtual Task<> handle(ServerRequest& request) = 0;

    /// A request that was refused before it could be routed; it has been answered. Only for the record.
    virtual void refused(ServerRequest const& request, Error const& error) = 0;

    /// The limits in force now.
    virtual LimitSettings const& limits() const = 0;
};

}  // namespace sluice::http
