#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/types/caller.hpp"
#include "core/types/clock.hpp"
#include "core/types/limits.hpp"
#include "core/types/match_rule.hpp"
#include "core/types/money.hpp"
#include "core/types/parameter_rule.hpp"
#include "core/types/routing.hpp"
#include "core/types/secret.hpp"

/// What the configuration says, as plain values. `config/` fills these; nothing here knows YAML. Every default stands
/// in the descriptor table (config/schema), which is also what the reference page shows; the values below only make a
/// default-constructed struct usable in tests and are checked against the table by a test.
namespace sluice {

/// Time limits of one call. Zero switches a limit off.
struct TimeoutSettings {
    milliseconds connect{2'000};
    milliseconds tls{3'000};
    milliseconds first_token{120'000};   ///< from the end of the request to the first event of a stream
    milliseconds whole_answer{600'000};  ///< to the head of an answer that is not streamed
    milliseconds idle{60'000};           ///< between two pieces of a stream
    milliseconds total{600'000};         ///< the whole request, all attempts together
    std::uint64_t min_rate = 0;          ///< bytes per second below which a stream counts as stalled; 0: off
    /// Characters of text per second that a stream must reach before the client sees any of it; slower: another target.
    /// 0: off. Nothing is held back longer than `start_window`, nor more than 256 characters.
    std::uint64_t start_rate = 0;
    milliseconds start_window{2'000};
};

/// What a failure must be for a retry. See Retry in error.hpp for what each kind allows on top.
struct RetrySettings {
    unsigned attempts = 2;  ///< further attempts after the first, on the same or other targets
    bool on_connect = true;
    bool on_timeout = true;
    bool on_rate_limit = true;
    bool on_server_error = true;
    milliseconds backoff_first{100};
    milliseconds backoff_max{2'000};
    milliseconds retry_after_max{5'000};  ///< a longer wait asked for by the upstream means another target
    unsigned max_extra_load_percent = 10;
};

struct BreakerSettings {
    milliseconds window{10'000};
    unsigned min_requests = 20;
    unsigned failure_percent = 50;
    unsigned consecutive = 5;
    milliseconds open_for{5'000};
    milliseconds open_max{60'000};
    bool try_when_all_open = false;  ///< a request that finds all breakers open tries the one whose probe is due next
};

/// A second attempt beside one that is late.
struct HedgeSettings {
    bool enabled = false;
    unsigned percentile = 95;             ///< of the target's learned time to the first token; one of `percentiles`
    milliseconds after{0};                ///< a fixed wait instead; 0: learned
    milliseconds at_least{100};           ///< never sooner
    unsigned max_extra_load_percent = 5;  ///< of requests, and of what they cost
    friend bool operator==(HedgeSettings const&, HedgeSettings const&) = default;
};

/// Requests of one session stay where their prompt cache is warm.
struct AffinitySettings {
    bool enabled = true;
    milliseconds keep{600'000};  ///< after its last request
    bool by_user = false;        ///< the body's `user` names a session, too
    friend bool operator==(AffinitySettings const&, AffinitySettings const&) = default;
};

/// Copies of requests to a target whose answers nobody sees.
struct MirrorSettings {
    std::size_t target = 0;  ///< position among the model's `extra_targets`
    unsigned percent = 0;    ///< of requests; 0: off
    unsigned max_in_flight = 4;
    friend bool operator==(MirrorSettings const&, MirrorSettings const&) = default;
};

struct TargetSettings {
    std::string provider;
    std::string model;  ///< upstream id; "*" keeps what the model's own star matched
    TargetTraits traits{};
    friend bool operator==(TargetSettings const&, TargetSettings const&) = default;
};

/// A model that is asked how demanding each request is, for RoutePolicy::complexity.
struct ClassifierSettings {
    TargetSettings target{};
    milliseconds timeout{1'000};     ///< after which the request's facts decide
    std::uint64_t max_input = 2048;  ///< bytes of the last user message that it sees
    friend bool operator==(ClassifierSettings const&, ClassifierSettings const&) = default;
};

/// Requests that wait for a place at a provider whose max_in_flight are under way. size 0: none wait.
struct QueueSettings {
    std::uint64_t size = 0;
    milliseconds max_wait{10'000};
    friend bool operator==(QueueSettings const&, QueueSettings const&) = default;
};

/// Probes of a provider that we run ourselves. `every` zero: none.
struct HealthCheckSettings {
    std::string path;  ///< of the server, not below base_url
    milliseconds every{0};
    milliseconds timeout{2'000};
    unsigned unhealthy_after = 3;  ///< failures in a row
    unsigned healthy_after = 2;    ///< successes in a row
    friend bool operator==(HealthCheckSettings const&, HealthCheckSettings const&) = default;
};

struct LimitSettings {
    std::uint64_t header_bytes = 32 * 1024;
    std::uint64_t header_fields = 100;
    std::uint64_t target_bytes = 8 * 1024;
    std::uint64_t body_bytes = 32 * 1024 * 1024;
    std::uint64_t answer_bytes = 64 * 1024 * 1024;  ///< an upstream answer that is not streamed
    std::uint64_t event_bytes = 1024 * 1024;        ///< one upstream event
    milliseconds header_timeout{10'000};
    milliseconds body_idle{10'000};
    milliseconds body_total{300'000};
    std::uint64_t body_min_rate = 1024;  ///< bytes per second, looked at after `body_idle`
    milliseconds keep_alive{75'000};
    milliseconds write_stall{30'000};
    std::uint64_t max_connections = 10'000;
    std::uint64_t memory_bytes = 0;  ///< of the process, above which it refuses; 0: 70 % of the control group's
    std::int64_t max_choices = 16;   ///< `n` and `best_of`
    std::int64_t max_output_tokens = 1'000'000;  ///< `max_tokens` and `max_completion_tokens`
};

struct StreamSettings {
    milliseconds header_grace{10'000};  ///< silence after which 200 and comments go out before the first delta
    milliseconds keep_alive{15'000};    ///< between two `: keep-alive` comments
};

struct TlsSettings {
    std::string certificate_file;
    std::string key_file;
};

/// Requests that bring an Idempotency-Key.
struct IdempotencySettings {
    milliseconds keep{3'600'000};  ///< after a request's end; 0: such keys mean nothing
    std::uint64_t memory_bytes = 64ULL * 1024 * 1024;
};

/// Whether callers must show a key.
enum class AuthMode : std::uint8_t { none, keys };

struct ServerSettings {
    std::string listen = "127.0.0.1:8080";
    std::string admin_listen = "127.0.0.1:9090";
    std::optional<TlsSettings> tls;
    unsigned workers = 0;  ///< 0: one per core
    LimitSettings limits;
    StreamSettings stream;
    IdempotencySettings idempotency;
    milliseconds drain_delay{5'000};
    milliseconds drain_timeout{25'000};
    milliseconds drain_upgrade_timeout{600'000};
    std::vector<std::string> cors_origins;  ///< "*" allows every origin
    AuthMode auth = AuthMode::none;  ///< keys: a request without a good one is refused, also while there are none
};

struct CredentialSettings {
    std::string name;
    Secret value;
    unsigned weight = 1;
};

enum class AuthScheme : std::uint8_t { none, bearer, header };

struct PoolSettings {
    std::uint64_t max_open = 512;
    std::uint64_t max_idle = 64;
    milliseconds idle_time{50'000};
    milliseconds max_age{600'000};
    std::uint64_t max_waiting = 256;
    milliseconds max_wait{1'000};
};

/// Thoughts that a model writes into its text, between two marks.
struct ReasoningTags {
    std::vector<std::string> models;  ///< patterns; empty: all
    std::string open;
    std::string close;
    bool starts_open = false;  ///< the answer may begin inside: the template has opened it
    friend bool operator==(ReasoningTags const&, ReasoningTags const&) = default;
};

struct ProviderSettings {
    std::string name;
    std::string type;  ///< profile in the catalogue
    std::string dialect = "openai";
    std::string telemetry_name;  ///< gen_ai.provider.name (OpenTelemetry); empty: the dialect
    std::string base_url;        ///< https://host[:port]/path, no trailing slash
    AuthScheme auth = AuthScheme::bearer;
    std::string auth_header;                      ///< for AuthScheme::header
    std::vector<CredentialSettings> credentials;  ///< empty: none is sent
    std::map<std::string, std::string> headers;   ///< added to every request
    std::string proxy;                            ///< http://host:port; empty: from the environment
    std::string ca_file;                          ///< empty: the system's store
    unsigned max_in_flight = 0;                   ///< 0: no limit
    PoolSettings pool;
    TimeoutSettings timeout;                      ///< connect and tls are a provider's; the rest comes from the model
    bool include_usage = true;                    ///< ask for usage in streams (some servers refuse stream_options)
    std::string chat_path = "/chat/completions";  ///< below base_url; "{model}": the target's model, URL-encoded
    std::vector<std::string> forward_headers;     ///< of the client, lower case, that go on to this provider
    std::vector<std::string> answer_headers;      ///< of the provider, lower case, that come back to the client
    ParameterRules parameters;
    std::vector<ReasoningTags> reasoning_tags;
    QueueSettings queue;
    HealthCheckSettings health;
    bool is_router = false;  ///< chooses providers itself: `provider`, `models` and suffixes are sent on to it
    TargetTraits traits;     ///< of all its models, as far as they say nothing else
    /// What a request needs for the model to go on where the last message, an assistant's, ends: members and their
    /// JSON, of that message and of the request. For targets with Capability::continues_assistant.
    std::vector<std::pair<std::string, std::string>> continue_message_members;
    std::vector<std::pair<std::string, std::string>> continue_request_members;
};

struct ModelSettings {
    std::string name;  ///< may hold one '*'
    std::string description;
    std::vector<TargetSettings>
        targets;  ///< those of all its routes, each once, in the order in which they are written
    std::vector<RouteSettings> routes{};  ///< the first is the root, whose members come first, fallbacks last
    std::optional<ClassifierSettings> classifier{};  ///< of the first of its routes that has one
    std::vector<MatchRule> match{};                  ///< requests that another model serves
    /// Targets for special occasions, never part of a plan by themselves.
    std::vector<TargetSettings> extra_targets{};
    std::vector<std::size_t> on_context_length{};  ///< positions there: asked when a prompt is too long for the others
    std::vector<std::size_t> on_content_filter{};  ///< and when a provider's filter refused it
    TargetFilter require{};
    HedgeSettings hedge{};
    AffinitySettings affinity{};
    MirrorSettings mirror{};
    bool continue_after_cut = false;  ///< another target goes on with a text that broke off
    TimeoutSettings timeout;
    RetrySettings retry;
    BreakerSettings breaker;
    UnsupportedPolicy unsupported = UnsupportedPolicy::drop;
    std::vector<std::string> listed{};  ///< for a wildcard: known concrete names to show in /v1/models
};

struct KeySettings {
    Caller caller;
    std::string sha256_hex;  ///< of the key; the key itself is not kept
    std::optional<std::chrono::sys_seconds> expires;
    std::vector<Limit> limits{};  ///< of this key alone; also part of Settings::limits
    bool disabled = false;
};

struct TeamSettings {
    std::string name;
    std::string description{};
    std::vector<std::string> models{};          ///< that its keys may use, beside what each key says; empty: all
    std::vector<Limit> limits{};                ///< of all its keys together; also part of Settings::limits
    std::map<std::string, std::string> tags{};  ///< that its keys have, unless they say otherwise
};

/// Where keys, teams and the ledger are kept, and what replicas share.
struct StorageSettings {
    bool enabled = false;                     ///< a store is opened: it is named, or some limit needs it
    Secret database{};                        ///< sqlite:///PATH or postgresql://...; it may hold a password
    Secret shared_state{};                    ///< redis://...; empty: this process counts on its own
    bool allow_if_unavailable = false;        ///< serve while the store is down, and write the ledger up later
    std::chrono::hours keep_calls{24 * 400};  ///< how long the ledger keeps single calls; sums are kept for ever
};

/// A token that manages the keys of one team and nothing else.
struct AdminToken {
    std::string name;
    Secret token{};
    std::string team{};
};

struct AdminSettings {
    Secret token{};                    ///< for everything but health and metrics
    std::vector<AdminToken> tokens{};  ///< with less power; without any token the admin API is closed
    Secret warning_webhook{};          ///< URL that is told when a limit passes one of its warn_at; empty: none
};

enum class LogFormat : std::uint8_t { automatic, json, text };
enum class LogLevel : std::uint8_t { debug, info, warning, error };

struct TelemetrySettings {
    LogFormat log_format = LogFormat::automatic;
    LogLevel log_level = LogLevel::info;
    std::string access_log = "stdout";  ///< stdout, stderr, none, or a file
    bool key_labels = true;
    std::uint64_t max_series = 20'000;
};

struct Settings {
    ServerSettings server;
    TelemetrySettings telemetry;
    std::map<std::string, ProviderSettings> providers;
    std::vector<ModelSettings> models;  ///< in file order
    std::vector<KeySettings> keys;
    std::vector<TeamSettings> teams{};
    std::vector<LimitRule> limits{};  ///< everybody's: of keys, teams, tags, users, models, providers and targets
    StorageSettings storage{};
    AdminSettings admin{};
    bool anybody_may_bring_keys = false;       ///< without keys: X-Provider-Auth
    std::map<std::string, PriceSheet> prices;  ///< "provider/upstream-model" -> prices, catalogue and file merged
    std::string hash;                          ///< of the effective configuration, for logs and metrics
};

}  // namespace sluice
