#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/types/clock.hpp"
#include "core/types/money.hpp"
#include "core/types/parameter_rule.hpp"
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

struct ServerSettings {
    std::string listen = "127.0.0.1:8080";
    std::string admin_listen = "127.0.0.1:9090";
    std::optional<TlsSettings> tls;
    unsigned workers = 0;  ///< 0: one per core
    LimitSettings limits;
    StreamSettings stream;
    milliseconds drain_delay{5'000};
    milliseconds drain_timeout{25'000};
    milliseconds drain_upgrade_timeout{600'000};
    std::vector<std::string> cors_origins;  ///< "*" allows every origin
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
};

struct TargetSettings {
    std::string provider;
    std::string model;  ///< upstream id; "*" keeps what the model's own star matched
    friend bool operator==(TargetSettings const&, TargetSettings const&) = default;
};

struct ModelSettings {
    std::string name;  ///< may hold one '*'
    std::string description;
    std::string policy = "fallback";
    std::vector<TargetSettings> targets;  ///< in order; references to other models already expanded, fallbacks last
    TimeoutSettings timeout;
    RetrySettings retry;
    BreakerSettings breaker;
    UnsupportedPolicy unsupported = UnsupportedPolicy::drop;
    std::vector<std::string> listed;  ///< for a wildcard: known concrete names to show in /v1/models
};

struct KeySettings {
    std::string name;
    std::string sha256_hex;           ///< of the key; the key itself is not kept
    std::vector<std::string> models;  ///< empty: all
    std::optional<std::chrono::sys_seconds> expires;
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
    std::map<std::string, PriceSheet> prices;  ///< "provider/upstream-model" -> prices, catalogue and file merged
    std::string hash;                          ///< of the effective configuration, for logs and metrics
};

}  // namespace sluice
