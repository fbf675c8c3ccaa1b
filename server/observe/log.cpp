#include "server/observe/log.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstddef>

#include "server/observe/line_buffer.hpp"

namespace sluice::observe {
namespace {

// A pipe that polls as writable takes this much without blocking (PIPE_BUF).
constexpr std::size_t safe_write = 4096;

std::string_view name_of(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return "debug";
        case LogLevel::info:
            return "info";
        case LogLevel::warning:
            return "warning";
        case LogLevel::error:
            break;
    }
    return "error";
}

std::string_view colour_of(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return "\x1b[2m";
        case LogLevel::info:
            return "\x1b[32m";
        case LogLevel::warning:
            return "\x1b[33m";
        case LogLevel::error:
            break;
    }
    return "\x1b[31m";
}

struct AppendValue {
    LineBuffer& out;
    void operator()(std::string_view text) const { out.json_text(text); }
    void operator()(std::int64_t number) const { out.number(number); }
    void operator()(std::uint64_t number) const { out.number(number); }
    void operator()(double number) const { out.raw(std::isfinite(number) ? fmt::format("{}", number) : "null"); }
    void operator()(bool flag) const { out.raw(flag ? "true" : "false"); }
};

}  // namespace

struct Log::Message {
    std::chrono::system_clock::time_point time;
    LogLevel level;
    std::string_view code;
    std::string_view text;
    LogFields fields;
};

void Log::append_json(Message const& message) {
    JsonLine line(line_);
    line.begin("ts").raw("\"");
    timestamp_.append(line_, message.time);
    line_.raw("\"");
    line.done();
    line.plain("level", name_of(message.level));
    line.text_if_any("code", message.code);
    line.text("msg", message.text);
    for (auto const& field : message.fields) {
        std::visit(AppendValue{line.begin(field.key)}, field.value);
        line.done();
    }
    line.end();
    line_.raw("\n");
}

void Log::append_text(Message const& message) {
    timestamp_.append(line_, message.time);
    line_.raw(" ");
    if (terminal_) line_.raw(colour_of(message.level));
    line_.raw(name_of(message.level));
    if (terminal_) line_.raw("\x1b[0m");
    if (!message.code.empty()) line_.raw(" ").raw(message.code);
    line_.raw(" ").shown(message.text);
    for (auto const& field : message.fields) {
        line_.raw(" ").raw(field.key).raw("=");
        std::visit(AppendValue{line_}, field.value);
    }
    line_.raw("\n");
}

namespace {

/// False when `fd` would block or is broken; a part may have been written then.
bool write_without_waiting(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
        if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return false;
        auto const count = ::write(fd, bytes.data(), std::min(bytes.size(), safe_write));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

}  // namespace

Log::Log(TelemetrySettings const& settings, int fd) : fd_(fd), terminal_(isatty(fd) == 1) { configure(settings); }

void Log::configure(TelemetrySettings const& settings) {
    level_ = settings.log_level;
    json_ = settings.log_format == LogFormat::json || (settings.log_format == LogFormat::automatic && !terminal_);
}

void Log::debug(std::string_view message, LogFields fields) { write(LogLevel::debug, {}, message, fields); }

void Log::info(std::string_view message, LogFields fields) { write(LogLevel::info, {}, message, fields); }

void Log::warning(std::string_view code, std::string_view message, LogFields fields) {
    write(LogLevel::warning, code, message, fields);
}

void Log::error(std::string_view code, std::string_view message, LogFields fields) {
    write(LogLevel::error, code, message, fields);
}

void Log::write(LogLevel level, std::string_view code, std::string_view message, LogFields fields) {
    if (!wants(level)) return;
    std::lock_guard const lock(mutex_);
    line_.clear();
    Message const entry{std::chrono::system_clock::now(), level, code, message, fields};
    if (json_.load(std::memory_order_relaxed)) {
        append_json(entry);
    } else {
        append_text(entry);
    }
    if (!write_without_waiting(fd_, line_.view())) dropped_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace sluice::observe
