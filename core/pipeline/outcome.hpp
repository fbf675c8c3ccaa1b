#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/clock.hpp"
#include "core/types/error.hpp"
#include "core/types/money.hpp"
#include "core/types/parameter_rule.hpp"
#include "core/types/usage.hpp"

namespace sluice {

/// How an attempt ended, as metrics and logs name it: "ok" or the error kind's class.
enum class AttemptResult : std::uint8_t {
    ok,
    connect,  ///< no connection, TLS, or reset before the head
    timeout,
    rate_limited,  ///< 429
    server_error,  ///< 5xx
    auth,          ///< 401, 403, or the account's quota
    rejected,      ///< another 4xx: the request's fault
    invalid,       ///< an answer that breaks the protocol, or an empty one
    interrupted,   ///< the stream broke off
    cancelled,     ///< the client left, or we are shutting down
    not_sent,      ///< breaker open, target full, no credential free
    count_,
};

std::string_view to_string(AttemptResult result);
AttemptResult classify_attempt(std::optional<Error> const& error);

/// One call to one target with one credential.
struct Attempt {
    std::string provider;
    std::string target_model;
    std::string credential;  ///< its name, never its value
    AttemptResult result = AttemptResult::not_sent;
    int upstream_status = 0;  ///< 0: no answer
    std::string reason;       ///< why this target, or why it failed; safe to log
    std::string upstream_request_id;
    milliseconds waited{0};  ///< backoff before it
    Duration duration{0};
    Duration connect{0};                  ///< zero on a reused connection
    std::optional<Duration> first_token;  ///< from sending to the first valid delta
    bool reused_connection = false;
    bool hedge = false;       ///< a second attempt beside one that was late
    bool continued = false;   ///< it was asked to go on with the text of the attempt before
    bool classifies = false;  ///< it asked how demanding the request is, and is no try at an answer
    bool uncertain = false;   ///< the request went out completely, yet no answer tells whether it was billed
    bool recorded = false;    ///< it stands in the ledger
    NanoUsd reserved{};       ///< the most that it could cost, as far as a limit or the ledger asked
    Usage usage{};            ///< with what the provider says that it charges
    std::optional<NanoUsd> sheet_cost{};  ///< by our prices; absent: the target's price is unknown, or nothing was used

    /// The provider's own word, else ours.
    std::optional<NanoUsd> cost() const { return usage.reported_cost ? usage.reported_cost : sheet_cost; }
    std::vector<Adjustment> adjustments;  ///< to the client's parameters; views of rules that the snapshot holds
};

/// What became of a request's copy for a shadow target; `copy`: this is the copy.
enum class Mirror : std::uint8_t {
    none,
    sent,
    skipped,  ///< too many were under way
    unfit,    ///< the shadow may not see this request, or can't take it now
    copy,
};

/// Who asked, as far as logs and metrics need it.
struct ClientInfo {
    std::string ip;
    std::string user_agent;
    std::string sdk;  ///< x-stainless-lang, from a fixed list; else empty
    unsigned retry_count = 0;
};

/// Everything that is known about one finished request. One Outcome feeds metrics, log and (later) ledger and trace, so
/// that they can't disagree. It is recorded for every request that had a head, also for refused ones.
struct Outcome {
    std::string request_id;
    std::string method;
    std::string_view route;  ///< a literal: "/v1/chat/completions" ...; "other" for unknown paths
    ClientInfo client;
    std::string caller;  ///< key name; empty without keys
    std::string requested_model;
    std::string model;  ///< the configured name that matched, or "other": a bounded set
    bool stream = false;
    int status = 0;  ///< what the client got; 499 when it left first
    std::optional<Error> error;
    std::vector<Attempt> attempts;  ///< the question to a classifier, if one was asked, stands first
    std::string reported_model;
    std::string finish_reason;
    Usage usage{};  ///< of all attempts together
    /// What each attempt's provider says that it charges, else what our prices make of it. Absent: for some attempt
    /// neither is known. usage.reported_cost has only what providers said.
    std::optional<NanoUsd> cost;
    std::optional<NanoUsd> sheet_cost{};  ///< by our prices alone; absent: some target's price is unknown
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::chrono::system_clock::time_point started_at{};
    Duration duration{0};
    Duration upstream_time{0};            ///< spent waiting for upstreams; duration minus this is our own overhead
    std::optional<Duration> first_token;  ///< as the client saw it
    std::optional<Duration> time_per_output_token;  ///< after the first
    bool stream_started = false;
    bool client_left = false;
    std::string
        decision{};  ///< how its target was chosen: decision_json(); empty: it was not, or the record is too long
    Mirror mirror = Mirror::none;

    /// At an answer; null: there was none.
    Attempt const* last_attempt() const {
        return attempts.empty() || attempts.back().classifies ? nullptr : &attempts.back();
    }
    /// How many attempts at an answer there were.
    std::size_t tries() const { return attempts.size() - (!attempts.empty() && attempts.front().classifies ? 1 : 0); }
};

}  // namespace sluice
