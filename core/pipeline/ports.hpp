#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/pipeline/cancellation.hpp"
#include "core/pipeline/headers.hpp"
#include "core/pipeline/outcome.hpp"
#include "core/pipeline/task.hpp"
#include "core/stream/stream_decoder.hpp"
#include "core/types/chat_request.hpp"
#include "core/types/clock.hpp"
#include "core/types/rate_limits.hpp"
#include "core/types/result.hpp"
#include "core/types/settings.hpp"
#include "core/types/splice.hpp"

/// What the pipeline needs from the world, declared where it is used. Everything here runs on the request's worker.
namespace sluice {

using Pieces = std::span<std::string_view const>;

// --- towards the provider's wire format
// --------------------------------------------------------------------------------

/// What to send: a path below the provider's base URL, and the client's body with edits.
struct EncodedRequest {
    std::string path;
    std::vector<Edit> edits;
    std::vector<Adjustment> adjustments;  ///< to what the client asked for; views of the provider's rules
};

/// Where a request goes, and how it may be changed for that.
struct TargetView {
    ProviderSettings const& provider;
    std::string_view model;  ///< upstream id
    UnsupportedPolicy unsupported = UnsupportedPolicy::drop;
    Continuation const* continuation = nullptr;  ///< what the target shall go on with; null: it answers from the start
    std::optional<std::int64_t> max_output{};    ///< tokens, of each choice: whatever the client says, no more
};

/// What a whole (not streamed) answer says, beside its bytes.
struct AnswerFacts {
    Usage usage{};
    std::string reported_model;
    std::string finish_reason;
    std::vector<Edit> edits;  ///< to the answer's bytes, before they reach the client
};

/// A wire format. Implemented in providers/<dialect>; stateless, shared by all workers.
class Dialect {
public:
    virtual ~Dialect() = default;

    /// Pure; may run again for the next attempt; never changes its input. Errors: unsupported_parameter, also for a
    /// continuation that can't be asked for.
    virtual Result<EncodedRequest> encode(ChatRequest const& request, TargetView const& target) const = 0;

    /// The rules by which `target` can't take the request: encode() would fail. Most requests meet none, cheaply.
    virtual std::vector<ParameterRule const*> refused_by(ChatRequest const& request,
                                                         TargetView const& target) const = 0;

    /// `provider` must outlive the decoder.
    virtual std::unique_ptr<StreamDecoder> stream_decoder(ChatRequest const& request, std::string_view target_model,
                                                          ProviderSettings const& provider,
                                                          DecoderOptions const& options) const = 0;

    /// Reads a 2xx answer that is not a stream: JSON checked, an error object or an empty answer found out.
    /// `body` needs 64 readable bytes behind it. Errors: any upstream kind.
    virtual Result<AnswerFacts> read_answer(ChatRequest const& request, std::string_view target_model,
                                            ProviderSettings const& provider, std::string_view body) const = 0;

    /// Classifies an answer with another status. `body` may be cut, empty, HTML or no text at all.
    virtual Error read_error(int status, Headers const& headers, std::string_view body) const = 0;

    /// What the head of an answer, of whatever status, says of its credential's limits. Mostly nothing, cheaply.
    virtual RateLimits read_limits(Headers const& headers) const = 0;
};

/// The dialect with a name; null: there is none.
using DialectLookup = std::function<Dialect const*(std::string_view name)>;

// --- towards the upstream
// ----------------------------------------------------------------------------------------------

struct UpstreamHead {
    int status = 0;
    Headers headers;
};

/// One call to one upstream over one connection. Destroying it before its body was read to the end destroys the
/// connection, which is how an upstream is cancelled.
class Exchange {
public:
    virtual ~Exchange() = default;

    /// Waits for the head, at most until `until`. Errors: upstream_timeout (nothing is lost: may be called again),
    /// upstream_unavailable, upstream_invalid_response, client_closed / server_shutdown (cancelled).
    virtual Task<Result<UpstreamHead const*>> head(Instant until) = 0;

    /// The next bytes of the body, as many as have arrived; empty: the body ended at its boundary. The view has 64
    /// readable bytes behind it and holds until the next call. Errors: as head(), and stream_interrupted when the
    /// connection ends inside the body.
    virtual Task<Result<std::string_view>> read(Instant until) = 0;

    /// Says that this is an answer to this very request. Without it the connection is not used again, however well the
    /// answer ended: an upstream that once sends an answer nobody asked for is one answer behind ever after.
    virtual void keep_connection() = 0;

    /// Nobody looks at the head's fields any more: a stream need not hold them.
    virtual void forget_head() {}

    virtual bool reused_connection() const = 0;
    virtual Duration connect_time() const = 0;
};

struct UpstreamCall {
    ProviderSettings const& provider;
    CredentialSettings const* credential = nullptr;  ///< none is sent when null
    std::string_view method = "POST";
    std::string_view path;
    bool path_of_server = false;  ///< else below the provider's base URL
    Pieces body;                  ///< of a POST
    std::uint64_t body_size = 0;
    std::string_view request_id;
    std::string_view accept;        ///< "application/json" or "text/event-stream"
    Headers const& client_headers;  ///< those of the client's that the provider takes are sent too
    TimeoutSettings const& timeout;
    Instant deadline = never;
    Cancellation& cancellation;
};

class Upstream {
public:
    virtual ~Upstream() = default;

    /// Takes a pooled connection or opens one, and sends the whole request. A reused connection that turns out dead
    /// before a byte of the answer is replaced once, silently. `call` and what it refers to must outlive the exchange.
    /// Errors: upstream_unavailable (detail says which step), upstream_timeout, overloaded (pool full),
    /// client_closed / server_shutdown.
    virtual Task<Result<std::unique_ptr<Exchange>>> call(UpstreamCall const& call) = 0;
};

// --- towards the client
// ------------------------------------------------------------------------------------------------

/// The client's side of one request. Every write fails with client_closed once the client has left or does not read for
/// `write_stall`; then its Cancellation has been triggered too.
class ReplySink {
public:
    virtual ~ReplySink() = default;

    /// A complete answer. Only before a stream was started. Pieces need to hold until it returns.
    virtual Task<Result<>> answer(int status, Headers const& headers, Pieces body) = 0;

    /// No attempt will follow: the memory of the request's body and header may be used for something else. Views into
    /// them are void from here on. A long prompt is not kept for as long as its answer streams.
    virtual void forget_request() = 0;

    /// Begins an event stream with 200 and these fields; they may leave with the first write only.
    virtual Task<Result<>> start_stream(Headers const& headers) = 0;

    /// Sends bytes of the started stream; waits while the client does not read. Pieces need to hold until it returns.
    virtual Task<Result<>> write(Pieces pieces) = 0;

    /// Ends the stream. `keep_open` false closes the connection behind it.
    virtual Task<Result<>> end_stream(bool keep_open) = 0;

    virtual bool stream_started() const = 0;
    virtual std::uint64_t bytes_out() const = 0;
};

// --- the rest
// ----------------------------------------------------------------------------------------------------------

/// Lets a coroutine wait for something that others do, perhaps on another worker.
class Gate {
public:
    virtual ~Gate() = default;
    /// Waits until the gate is opened, or was since the last wait (true), or until `until` (false). One at a time
    /// waits. Errors: client_closed or server_shutdown, when cancelled.
    virtual Task<Result<bool>> wait(Instant until, Cancellation& cancellation) = 0;
    /// Who waits goes on later, on its worker. Thread: any.
    virtual void open() = 0;
};

/// The worker's time. Fakes tick by hand.
class Clock {
public:
    virtual ~Clock() = default;
    virtual Instant now() = 0;
    virtual std::shared_ptr<Gate> make_gate() = 0;
    /// Returns early, with client_closed or server_shutdown, when cancelled.
    virtual Task<Result<>> sleep(milliseconds wait, Cancellation& cancellation) = 0;
    /// Lets everybody else who is ready have a turn.
    virtual Task<> give_way() = 0;
    /// Uniform in [0, 1), for jitter.
    virtual double random() = 0;
};

/// Where finished requests go. Called once per request, on its worker; must not block.
class Recorder {
public:
    virtual ~Recorder() = default;
    virtual void record(Outcome const& outcome) = 0;
};

}  // namespace sluice
