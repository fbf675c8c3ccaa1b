#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/pipeline/entry.hpp"
#include "core/pipeline/request_run.hpp"

namespace sluice {

class Lane;

/// Why and when an attempt is made.
struct AttemptPlan {
    std::string_view reason;
    milliseconds waited{0};
    Instant now;
    bool is_hedge = false;
    Continuation const* continuation = nullptr;  ///< what to go on with; null: the answer begins here
    Lane* lane = nullptr;                        ///< its part in a race with another attempt; null: it is alone
};

/// One call to one target with one credential: encode, send, classify or relay. Its destructor adds the Attempt to the
/// outcome, with what it used and cost.
class AttemptRun {
public:
    /// `candidate`: its place among those of the run.
    AttemptRun(RequestRun& run, std::size_t candidate, Entry&& entry, AttemptPlan const& plan);
    AttemptRun(AttemptRun const&) = delete;
    AttemptRun& operator=(AttemptRun const&) = delete;
    ~AttemptRun();

    /// Without an error the client has a complete answer. With one, `run.committed` says whether another attempt may
    /// follow; the breaker and the credential know about it already.
    Task<Result<>> go();

private:
    Task<Result<>> exchange_answer();
    [[gnu::noinline]] Task<Result<UpstreamHead const*>> wait_for_head(Exchange& exchange);
    [[gnu::noinline]] Task<Error> read_refusal(Exchange& exchange, UpstreamHead const& head);

    [[gnu::noinline]] Task<Result<>> relay_stream(Exchange& exchange, UpstreamHead const& head);
    [[gnu::noinline]] Task<Result<>> not_a_stream(Exchange& exchange, UpstreamHead const& head);
    [[gnu::noinline]] Task<Result<>> commit(StreamStep const& step, UpstreamHead const& head);
    void decode(std::string_view piece, StreamStep& step);
    std::optional<Error> hold(StreamStep const& step);
    bool has_proven_its_speed();
    Task<Result<>> claim();
    bool is_alone() const;
    bool may_talk() const;
    Cancellation& cancellation() const;

    [[gnu::noinline]] Task<Result<>> relay_answer(Exchange& exchange, UpstreamHead const& head);
    Task<Result<std::string_view>> read_whole(Exchange& exchange, UpstreamHead const& head, std::uint64_t limit);
    Task<> finish_body(Exchange& exchange);

    void note_limits(UpstreamHead const& head);
    Instant next_look() const;
    std::optional<Error> failure_of(Error error);
    std::optional<Error> passed_limit();
    void conclude(Result<>& result);
    void cost_is_known();
    void add_to(Outcome& outcome);
    void bind_session(std::int64_t tokens);
    void remember_session(bool served);
    void add_sample(Verdict verdict);
    bool uncertain_after(Error const& error) const;
    Usage usage() const;
    std::int64_t longest_output() const;
    std::optional<NanoUsd> sheet_cost_of(Usage const& usage) const;
    void add_headers(Headers& headers, UpstreamHead const& head) const;

    Duration own_time() const { return now_ - started_; }
    Duration upstream_time() const;

    RequestRun& run_;
    TargetRuntime const& target_;
    bool follows_session_;  ///< its session was served here before
    bool has_bound_ = false;
    TargetPass pass_;
    CallMoney money_;
    Dialect const* dialect_;
    Attempt record_;
    std::unique_ptr<StreamDecoder> decoder_;
    std::optional<AnswerFacts> facts_;
    std::string held_;  ///< events before the commit point; dropped when the attempt fails
    std::string body_;  ///< an answer that came in several pieces
    Instant started_;
    Instant now_;                 ///< when the upstream was last waited for
    Instant head_limit_ = never;  ///< first token of a stream, or head of a whole answer
    Instant idle_limit_ = never;
    Instant rate_limit_ = never;  ///< when the current window of the throughput guard ends
    std::uint64_t rate_bytes_ = 0;
    Instant start_limit_ = never;  ///< until when a stream must show that it is fast enough
    Lane* lane_;
    Continuation const* continuation_;
    bool keeps_text_ = false;  ///< somebody may go on with it
    bool shown_ = false;       ///< the client has seen a part of this attempt
    bool sent_ = false;
    bool answered_ = false;  ///< the part of the answer that head_limit_ waits for is here
    bool body_ended_ = false;
    bool deadline_hit_ = false;
    bool concluded_ = false;
};

}  // namespace sluice
