#include "server/observe/log.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstddef>

#include "server/observe/json_line.hpp"

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
    std::string& out;
    void operator()(std::string_view text) const { append_json_text(out, text); }
    void operator()(std::int64_t number) const { append_number(out, number); }
    void operator()(std::uint64_t number) const { append_number(out, number); }
    void operator()(double number) const { out += std::isfinite(number) ? fmt::format("{}", number) : "null"; }
    void operator()(bool flag) const { out += flag ? "true" : "false"; }
};

void append_json(std::string& out, std::string_view time, LogLevel level, std::string_view code,
                 std::string_view message, LogFields fields) {
    JsonLine line(out);
    line.plain("ts", time);
    line.plain("level", name_of(level));
    line.text_if_any("code", code);
    line.text("msg", message);
    for (auto const& field : fields) std::visit(AppendValue{line.name(field.key)}, field.value);
    line.end();
    out += '\n';
}

void append_text(std::string& out, std::string_view time, LogLevel level, std::string_view code,
                 std::string_view message, LogFields fields, bool coloured) {
    out.append(time).append(" ");
    if (coloured) out += colour_of(level);
    out += name_of(level);
    if (coloured) out += "\x1b[0m";
    if (!code.empty()) out.append(" ").append(code);
    out += ' ';
    for (char const c : message) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
    for (auto const& field : fields) {
        out.append(" ").append(field.key).append("=");
        std::visit(AppendValue{out}, field.value);
    }
    out += '\n';
}

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
    std::string time;
    timestamp_.append(time, std::chrono::system_clock::now());
    line_.clear();
    if (json_.load(std::memory_order_relaxed)) {
        append_json(line_, time, level, code, message, fields);
    } else {
        append_text(line_, time, level, code, message, fields, terminal_);
    }
    if (!write_without_waiting(fd_, line_)) dropped_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace sluice::observe
