#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/pipeline/ports.hpp"

namespace sluice {

/// May a client that gets `error` try again with hope (x-should-retry)? Only where waiting or another moment helps and
/// we have not used up the attempts already: rate limits with a wait, overload, draining, nothing available.
bool should_retry(Error const& error);

/// The wait that a client is told: the error's own, else one second where waiting helps, else none.
std::optional<milliseconds> advised_wait(Error const& error);

/// `common` (x-request-id and the like) with what an error answer adds: content-type, x-should-retry, and on 429 and
/// 503 retry-after (whole seconds, at least 1, plus up to 20 % by `random` in [0, 1)) and retry-after-ms (exact).
Headers error_headers(Error const& error, Headers common, double random);

/// Answers with OpenAI's error object. `error` must live until it returns.
Task<Result<>> answer_error(ReplySink& sink, Error const& error, Headers common, double random = 0);

/// A request that ended before the pipeline: refused, or served by another endpoint.
struct ServedElsewhere {
    std::string request_id;
    std::string method;
    std::string_view route;  ///< a literal
    ClientInfo client{};
    std::string caller{};
    std::string requested_model{};
    bool stream = false;
    int status = 0;  ///< 0: the error's
    std::optional<Error> error{};
    Instant received_at{};
    std::chrono::system_clock::time_point started_at{};
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
};

/// Records it as one Outcome (model "other").
void record_served(Recorder& recorder, ServedElsewhere served, Instant now);

}  // namespace sluice
