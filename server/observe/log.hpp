#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>

#include "core/types/settings.hpp"
#include "server/observe/line_buffer.hpp"
#include "server/observe/timestamp.hpp"

namespace sluice::observe {

/// One named value of a message. A Secret does not convert, on purpose.
struct LogField {
    using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

    LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
    LogField(std::string_view name, char const* text) : key(name), value(std::string_view(text)) {}
    LogField(std::string_view name, std::string const& text) : key(name), value(std::string_view(text)) {}
    LogField(std::string_view name, std::same_as<bool> auto flag) : key(name), value(flag) {}
    LogField(std::string_view name, std::signed_integral auto number) : key(name), value(std::int64_t{number}) {}
    LogField(std::string_view name, std::unsigned_integral auto number)
        requires(!std::same_as<decltype(number), bool>)
        : key(name), value(std::uint64_t{number}) {}
    LogField(std::string_view name, std::floating_point auto number) : key(name), value(double{number}) {}

    std::string_view key;
    Value value;
};

using LogFields = std::initializer_list<LogField>;

/// The message log: what the gateway has to say about itself, on stderr. Requests go to the AccessLog.
///
/// A warning or an error has a code that never changes its meaning, so that alerts and the documentation can name it:
/// SL1xxx configuration, SL2xxx clients and listeners, SL3xxx certificates, SL4xxx upstreams, SL5xxx storage, SL6xxx
/// telemetry, SL9xxx bugs.
///
/// Thread: any. A message is written at once, in one piece, and given up (and counted) when stderr would block. Made
/// once, by the composition root, and passed by reference.
class Log {
public:
    explicit Log(TelemetrySettings const& settings = {}, int fd = 2);
    Log(Log const&) = delete;
    Log& operator=(Log const&) = delete;

    void configure(TelemetrySettings const& settings);
    bool wants(LogLevel level) const { return level >= level_.load(std::memory_order_relaxed); }

    void debug(std::string_view message, LogFields fields = {});
    void info(std::string_view message, LogFields fields = {});
    void warning(std::string_view code, std::string_view message, LogFields fields = {});
    void error(std::string_view code, std::string_view message, LogFields fields = {});

    std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

private:
    struct Message;
    void append_json(Message const& message);
    void append_text(Message const& message);
    void write(LogLevel level, std::string_view code, std::string_view message, LogFields fields);

    int const fd_;
    bool const terminal_;
    std::atomic<LogLevel> level_;
    std::atomic<bool> json_;
    std::atomic<std::uint64_t> dropped_{0};
    std::mutex mutex_;  // guards what follows, and keeps lines whole
    Timestamp timestamp_;
    LineBuffer line_;
};

}  // namespace sluice::observe
