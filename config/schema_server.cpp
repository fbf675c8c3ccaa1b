#include "config/binding.hpp"
#include "config/schema.hpp"

namespace sluice::config {
namespace {

constexpr std::int64_t kib = 1024;
constexpr std::int64_t gib = kib * kib * kib;
constexpr std::int64_t one_hour = 3'600'000;

Section const& tls_section() {
    static Section const section{
        .title = "server.tls",
        .fields =
            {
                {.key = "certificate",
                 .kind = Kind::path,
                 .sentence = "PEM file with the certificate and its chain.",
                 .bind = bind<&TlsSettings::certificate_file>(),
                 .example = "/etc/sluice/tls.crt"},
                {.key = "key",
                 .kind = Kind::path,
                 .sentence = "PEM file with the private key.",
                 .bind = bind<&TlsSettings::key_file>(),
                 .example = "/etc/sluice/tls.key"},
            },
        .fresh = fresh<TlsSettings>(),
    };
    return section;
}

Section const& cors_section() {
    static Section const section{
        .title = "server.cors",
        .fields = {{.key = "origins",
                    .kind = Kind::texts,
                    .standard = "[]",
                    .sentence = "Origins whose pages may call the gateway; \"*\" allows every one.",
                    .bind = bind<&Draft::server, &ServerSettings::cors_origins>(),
                    .example = "[\"https://chat.example\"]"}},
        .fresh = fresh<Draft>(),
    };
    return section;
}

Section const& drain_section() {
    static Section const section{
        .title = "server.drain",
        .fields =
            {
                {.key = "delay",
                 .kind = Kind::duration,
                 .standard = "5s",
                 .sentence = "After a stop signal: not ready, but still accepting.",
                 .bind = bind<&Draft::server, &ServerSettings::drain_delay>(),
                 .most = one_hour},
                {.key = "timeout",
                 .kind = Kind::duration,
                 .standard = "25s",
                 .sentence = "How long running requests may then take before they are ended with an error event.",
                 .bind = bind<&Draft::server, &ServerSettings::drain_timeout>(),
                 .most = 24 * one_hour},
                {.key = "upgrade_timeout",
                 .kind = Kind::duration,
                 .standard = "10m",
                 .sentence = "The same after an upgrade, where the new process serves already.",
                 .bind = bind<&Draft::server, &ServerSettings::drain_upgrade_timeout>(),
                 .most = 24 * one_hour},
            },
        .fresh = fresh<Draft>(),
    };
    return section;
}

Section const& idempotency_section() {
    static Section const section{
        .title = "server.idempotency",
        .fields =
            {
                {.key = "keep",
                 .kind = Kind::duration,
                 .standard = "1h",
                 .sentence = "How long a request with an `Idempotency-Key` is remembered after its end; 0: the header "
                             "means nothing.",
                 .bind = bind<&IdempotencySettings::keep>(),
                 .most = 7 * 24 * one_hour},
                {.key = "memory",
                 .kind = Kind::size,
                 .standard = "64MiB",
                 .sentence = "What the answers of such requests may take; the oldest are let go first.",
                 .bind = bind<&IdempotencySettings::memory_bytes>(),
                 .least = kib * kib,
                 .most = 64 * gib},
            },
        .fresh = fresh<IdempotencySettings>(),
    };
    return section;
}

Section const& stream_section() {
    static Section const section{
        .title = "server.stream",
        .fields =
            {
                {.key = "header_grace",
                 .kind = Kind::duration,
                 .standard = "10s",
                 .sentence = "Silence of the upstream after which a stream is opened with comments; fallback goes on "
                             "until the first token.",
                 .bind = bind<&StreamSettings::header_grace>(),
                 .most = one_hour},
                {.key = "keep_alive",
                 .kind = Kind::duration,
                 .standard = "15s",
                 .sentence = "Between two comment lines that keep a silent stream open.",
                 .bind = bind<&StreamSettings::keep_alive>(),
                 .least = 100,
                 .most = one_hour},
            },
        .fresh = fresh<StreamSettings>(),
    };
    return section;
}

std::vector<Field> size_limits() {
    return {
        {.key = "max_header",
         .kind = Kind::size,
         .standard = "32KiB",
         .sentence = "All header fields of a request together.",
         .bind = bind<&LimitSettings::header_bytes>(),
         .least = kib,
         .most = 1024 * kib},
        {.key = "max_header_fields",
         .kind = Kind::integer,
         .standard = "100",
         .sentence = "Header fields of a request.",
         .bind = bind<&LimitSettings::header_fields>(),
         .least = 10,
         .most = 10'000},
        {.key = "max_target",
         .kind = Kind::size,
         .standard = "8KiB",
         .sentence = "Path and query of a request.",
         .bind = bind<&LimitSettings::target_bytes>(),
         .least = 256,
         .most = 1024 * kib},
        {.key = "max_answer",
         .kind = Kind::size,
         .standard = "64MiB",
         .sentence = "An upstream answer that is not streamed.",
         .bind = bind<&LimitSettings::answer_bytes>(),
         .least = kib,
         .most = gib},
        {.key = "max_event",
         .kind = Kind::size,
         .standard = "1MiB",
         .sentence = "One event of an upstream stream.",
         .bind = bind<&LimitSettings::event_bytes>(),
         .least = kib,
         .most = gib},
        {.key = "max_connections",
         .kind = Kind::count,
         .standard = "10k",
         .sentence = "Client connections at a time.",
         .bind = bind<&LimitSettings::max_connections>(),
         .least = 1,
         .most = 1'000'000},
        {.key = "memory",
         .kind = Kind::size,
         .standard = "0",
         .sentence =
             "Memory of the process: at 85 % of it bodies over 64 KiB are refused with 503, at 95 % every request; 0: "
             "70 % of the container's limit, if it has one.",
         .bind = bind<&LimitSettings::memory_bytes>(),
         .most = 1024 * gib},
        {.key = "max_choices",
         .kind = Kind::integer,
         .standard = "16",
         .sentence = "`n` and `best_of` of a request.",
         .bind = bind<&LimitSettings::max_choices>(),
         .least = 1,
         .most = 128},
        {.key = "max_output_tokens",
         .kind = Kind::count,
         .standard = "1M",
         .sentence = "`max_tokens` and `max_completion_tokens` of a request.",
         .bind = bind<&LimitSettings::max_output_tokens>(),
         .least = 1,
         .most = 1'000'000'000},
    };
}

std::vector<Field> time_limits() {
    return {
        {.key = "header_timeout",
         .kind = Kind::duration,
         .standard = "10s",
         .sentence = "From a connection or the first byte of a request to the end of its header.",
         .bind = bind<&LimitSettings::header_timeout>(),
         .least = 1,
         .most = one_hour},
        {.key = "body_idle",
         .kind = Kind::duration,
         .standard = "10s",
         .sentence = "Between two pieces of a request's body.",
         .bind = bind<&LimitSettings::body_idle>(),
         .least = 1,
         .most = one_hour},
        {.key = "body_total",
         .kind = Kind::duration,
         .standard = "5m",
         .sentence = "A request's whole body.",
         .bind = bind<&LimitSettings::body_total>(),
         .least = 1,
         .most = one_hour},
        {.key = "body_min_rate",
         .kind = Kind::size,
         .standard = "1KiB",
         .sentence = "Bytes per second below which a body is given up, looked at after `body_idle`; 0: never.",
         .bind = bind<&LimitSettings::body_min_rate>(),
         .most = gib},
        {.key = "keep_alive",
         .kind = Kind::duration,
         .standard = "75s",
         .sentence = "How long a connection may stay without a request.",
         .bind = bind<&LimitSettings::keep_alive>(),
         .least = 1,
         .most = 24 * one_hour},
        {.key = "write_stall",
         .kind = Kind::duration,
         .standard = "30s",
         .sentence = "How long a client may take nothing of its answer.",
         .bind = bind<&LimitSettings::write_stall>(),
         .least = 1,
         .most = one_hour},
    };
}

Section const& limits_section() {
    static Section const section = [] {
        Section made{.title = "server.limits", .fields = size_limits(), .fresh = fresh<LimitSettings>()};
        for (Field& field : time_limits()) made.fields.push_back(field);
        return made;
    }();
    return section;
}

}  // namespace

Section const& server_section() {
    static Section const section{
        .title = "server",
        .fields =
            {
                {.key = "listen",
                 .kind = Kind::address,
                 .standard = "127.0.0.1:8080",
                 .sentence = "Address of the data plane. With `auth: none` it must be a loopback address.",
                 .bind = bind<&Draft::server, &ServerSettings::listen>()},
                {.key = "auth",
                 .kind = Kind::choice,
                 .sentence = "Whether callers must show a key. `keys` where `keys` or `storage` are written, else "
                             "`none`.",
                 .bind = bind<&Draft::auth>(),
                 .choices = {"none", "keys"}},
                {.key = "unprotected",
                 .kind = Kind::boolean,
                 .standard = "false",
                 .sentence =
                     "With `auth: none`, allows an address that is not loopback: anybody who reaches it may use "
                     "the providers.",
                 .bind = bind<&Draft::unprotected>()},
                {.key = "admin_listen",
                 .kind = Kind::address,
                 .standard = "127.0.0.1:9090",
                 .sentence = "Address of /metrics, /healthz, /readyz and the admin API.",
                 .bind = bind<&Draft::server, &ServerSettings::admin_listen>()},
                {.key = "tls",
                 .kind = Kind::object,
                 .sentence = "Serve HTTPS on the data plane.",
                 .bind = nested<&Draft::tls>(),
                 .section = tls_section},
                {.key = "workers",
                 .kind = Kind::integer,
                 .standard = "0",
                 .sentence = "Threads that serve requests; 0: one per core.",
                 .bind = bind<&Draft::server, &ServerSettings::workers>(),
                 .most = 1024},
                {.key = "max_body",
                 .kind = Kind::size,
                 .standard = "32MiB",
                 .sentence = "The body of a request.",
                 .bind = bind<&Draft::server, &ServerSettings::limits, &LimitSettings::body_bytes>(),
                 .least = kib,
                 .most = gib},
                {.key = "cors",
                 .kind = Kind::object,
                 .sentence = "Calls from web pages.",
                 .bind = same_object(),
                 .section = cors_section},
                {.key = "drain",
                 .kind = Kind::object,
                 .sentence = "How a stop goes.",
                 .bind = same_object(),
                 .section = drain_section},
                {.key = "stream",
                 .kind = Kind::object,
                 .sentence = "What a client sees while its upstream is silent.",
                 .bind = nested<&Draft::server, &ServerSettings::stream>(),
                 .section = stream_section},
                {.key = "idempotency",
                 .kind = Kind::object,
                 .sentence = "Requests that a client repeats with the same `Idempotency-Key`.",
                 .bind = nested<&Draft::server, &ServerSettings::idempotency>(),
                 .section = idempotency_section},
                {.key = "bring_keys",
                 .kind = Kind::boolean,
                 .standard = "false",
                 .sentence = "With `auth: none`: whether requests may bring keys of providers of their own, in "
                             "`X-Provider-Auth`.",
                 .bind = bind<&Draft::anybody_may_bring_keys>()},
                {.key = "limits",
                 .kind = Kind::object,
                 .sentence = "What a client or an upstream may send, and how slowly.",
                 .bind = nested<&Draft::server, &ServerSettings::limits>(),
                 .section = limits_section},
            },
        .fresh = fresh<Draft>(),
    };
    return section;
}

}  // namespace sluice::config
