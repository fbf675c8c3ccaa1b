#include "config/binding.hpp"
#include "config/schema.hpp"

namespace sluice::config {
namespace {

Section const& log_section() {
    static Section const section{
        .title = "telemetry.log",
        .fields =
            {
                {.key = "format",
                 .kind = Kind::choice,
                 .standard = "auto",
                 .sentence = "`auto`: text on a terminal, else JSON.",
                 .bind = bind<&TelemetrySettings::log_format>(),
                 .choices = {"auto", "json", "text"}},
                {.key = "level",
                 .kind = Kind::choice,
                 .standard = "info",
                 .sentence = "The least that is logged.",
                 .bind = bind<&TelemetrySettings::log_level>(),
                 .choices = {"debug", "info", "warning", "error"}},
            },
        .fresh = fresh<TelemetrySettings>(),
    };
    return section;
}

Section const& access_log_section() {
    static Section const section{
        .title = "telemetry.access_log",
        .fields =
            {
                {.key = "output",
                 .kind = Kind::text,
                 .standard = "stdout",
                 .sentence = "`stdout`, `stderr`, `none` or the path of a file; one JSON line per request.",
                 .bind = bind<&TelemetrySettings::access_log>()},
                planned("content", "Prompts and answers in the log."),
                planned("redact_headers", "Request headers in the log."),
            },
        .short_form = "output",
        .fresh = fresh<TelemetrySettings>(),
    };
    return section;
}

Section const& metrics_section() {
    static Section const section{
        .title = "telemetry.metrics",
        .fields =
            {
                {.key = "key_label",
                 .kind = Kind::choice,
                 .standard = "name",
                 .sentence = "Whether some counters carry the name of the virtual key.",
                 .bind = {.assign =
                              [](void* object, Value const& value) {
                                  static_cast<TelemetrySettings*>(object)->key_labels =
                                      std::get<std::int64_t>(value) == 0;
                              },
                          .current =
                              [](void const* object) {
                                  bool const labels = static_cast<TelemetrySettings const*>(object)->key_labels;
                                  return Value(std::int64_t{labels ? 0 : 1});
                              }},
                 .choices = {"name", "none"}},
                {.key = "max_series",
                 .kind = Kind::count,
                 .standard = "20k",
                 .sentence = "Series of a metric above which further label values become `other`.",
                 .bind = bind<&TelemetrySettings::max_series>(),
                 .least = 100,
                 .most = 10'000'000},
                planned("extra_labels", "Tags of keys as labels."),
            },
        .fresh = fresh<TelemetrySettings>(),
    };
    return section;
}

}  // namespace

Section const& telemetry_section() {
    static Section const section{
        .title = "telemetry",
        .fields =
            {
                {.key = "log",
                 .kind = Kind::object,
                 .sentence = "What the gateway says on stderr.",
                 .bind = same_object(),
                 .section = log_section},
                {.key = "access_log",
                 .kind = Kind::object,
                 .sentence = "One line per request.",
                 .bind = same_object(),
                 .section = access_log_section},
                {.key = "metrics",
                 .kind = Kind::object,
                 .sentence = "Prometheus metrics.",
                 .bind = same_object(),
                 .section = metrics_section},
                planned("otlp", "Traces and metrics sent to a collector."),
            },
        .fresh = fresh<TelemetrySettings>(),
    };
    return section;
}

}  // namespace sluice::config
