#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/draft.hpp"

/// The one table of everything that may stand in a configuration file. Loading, the JSON Schema, `config show`, the
/// reference page and a test of the defaults are driven by it; a key that isn't here doesn't exist.
namespace sluice::config {

enum class Kind : std::uint8_t {
    text,
    boolean,
    integer,
    count,      ///< 600k, 1M
    size,       ///< bytes: 32MiB
    duration,   ///< milliseconds: 250ms, 30s
    durations,  ///< 250ms..4s
    percent,
    number,    ///< a decimal number, kept in billionths
    integers,  ///< a list of them
    percents,  ///< a list of them: [50%, 80%]
    usd,       ///< nano-dollars, written in dollars
    period,    ///< day, week, month, total, or a duration
    wait,      ///< p95 or 800ms
    hours,     ///< 22:00-06:00, UTC
    choice,
    choices,
    texts,
    headers,
    text_map,  ///< name -> text
    rules,     ///< for parameters: docs/guides/provider-profiles.md
    address,   ///< host:port
    url,
    proxy_url,
    path,  ///< of a file, relative to the file that names it
    date,
    price,  ///< nano-dollars per million tokens, written in dollars
    secret,
    hash,
    store_url,  ///< of a database, with one of `choices` as its scheme; may be empty, may hold a password
    networks,   ///< a list of them: [10.0.0.0/8]
    provider_type,
    target,   ///< PROVIDER/UPSTREAM-MODEL, or a model's name
    targets,  ///< one or a list, each with its short form
    objects,  ///< one or a list
    object,
    object_map,  ///< name -> object
    object_list,
};

struct DurationRange {
    milliseconds first{};
    milliseconds last{};
    friend bool operator==(DurationRange const&, DurationRange const&) = default;
};

/// Until when a hedge waits: a percentile of what was learned, or a fixed time.
struct Wait {
    unsigned percentile = 0;
    milliseconds fixed{};
    friend bool operator==(Wait const&, Wait const&) = default;
};

using Numbers = std::vector<std::int64_t>;
using Texts = std::vector<std::string>;
using TextMap = std::map<std::string, std::string>;
/// Numbers of every unit are std::int64_t, a choice is its index, hours are minutes from * 1440 + to. monostate: there
/// is no value, or it is `none`.
using Value = std::variant<std::monostate, bool, std::int64_t, std::string, Texts, TextMap, DurationRange, SecretText,
                           RuleList, Numbers, Wait, LimitPeriod>;

enum class Presence : std::uint8_t {
    optional,
    required,
    planned,  ///< a later version's: refused, because nothing would enforce it
};

struct Section;

/// How a field reaches its struct. The pointers are to the struct that the field's section is about.
struct Binding {
    void (*assign)(void* object, Value const& value) = nullptr;
    Value (*current)(void const* object) = nullptr;
    void* (*child)(void* object) = nullptr;  ///< Kind::object
    void* (*entry)(void* object,
                   std::string const& name) = nullptr;  ///< Kind::object_map, object_list, targets, objects
    void (*present)(void* child) = nullptr;             ///< Kind::object that is written: before its fields are read
};

struct Field {
    std::string_view key;
    Kind kind = Kind::text;
    std::string_view standard{};  ///< the default as one would write it; empty: none
    std::string_view sentence{};
    Binding bind{};
    std::int64_t least = 0;
    std::int64_t most = std::numeric_limits<std::int64_t>::max();
    std::vector<std::string_view> choices{};
    std::vector<std::string_view> planned_choices{};
    Presence presence = Presence::optional;
    Section const& (*section)() = nullptr;
    std::string_view inherits{};  ///< path of the object whose values stand in for what isn't written here
    std::string_view example{};
    std::vector<std::pair<std::string_view, std::string_view>> other_words{};  ///< of others, and what they mean here
    std::string_view only_with{};                                              ///< "policy: slo": an error without that
    /// Whether the value means anything beside the object's others; what doesn't isn't shown.
    bool (*applies)(void const* object) = nullptr;
};

struct Section {
    std::string_view title;
    std::vector<Field> fields;
    std::string_view short_form{};  ///< the key that a plain value instead of a map stands for
    void const* fresh = nullptr;    ///< a default-constructed struct, to compare defaults with
};

Section const& root_section();
Section const& server_section();
Section const& defaults_section();
Section const& provider_section();
Section const& credential_section();
Section const& auth_section();
Section const& tags_section();
Section const& pool_section();
Section const& queue_section();
Section const& health_section();
Section const& model_section();
Section const& target_section();
Section const& route_section();
Section const& classifier_section();
Section const& special_section();
Section const& hedge_section();
Section const& affinity_section();
Section const& mirror_section();
Section const& match_section();
Section const& require_section();
Section const& capabilities_section();
Section const& team_section();
Section const& key_section();
Section const& payer_section();
Section const& rate_section();
Section const& budget_section();
Section const& own_limits_section();
Section const& storage_section();
Section const& admin_section();
Section const& price_section();
Section const& telemetry_section();

Section const& default_timeout_section();
Section const& provider_timeout_section();
Section const& model_timeout_section();
Section const& retry_section();
Section const& breaker_section();

/// A key of a later version.
Field planned(std::string_view key, std::string_view sentence);

/// Keys, anywhere, whose values are secrets.
std::vector<std::string> secret_keys();

/// Provider types of a later version.
std::vector<std::string_view> const& planned_provider_types();

}  // namespace sluice::config
