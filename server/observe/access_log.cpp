#include "server/observe/access_log.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include "server/observe/log.hpp"

namespace sluice::observe {
namespace {

constexpr milliseconds flush_every{100};
constexpr milliseconds last_flush{2'000};
constexpr std::size_t batch = 256 * 1024;

LineStyle style_of(TelemetrySettings const& telemetry) {
    bool const terminal = (telemetry.access_log == "stdout" && isatty(STDOUT_FILENO) == 1) ||
                          (telemetry.access_log == "stderr" && isatty(STDERR_FILENO) == 1);
    switch (telemetry.log_format) {
        case LogFormat::json:
            return LineStyle::json;
        case LogFormat::text:
            return terminal ? LineStyle::coloured : LineStyle::text;
        case LogFormat::automatic:
            break;
    }
    return terminal ? LineStyle::coloured : LineStyle::json;
}

std::uint64_t lines_in(std::string_view bytes) { return static_cast<std::uint64_t>(std::ranges::count(bytes, '\n')); }

// Signals belong to the main thread; a reader that goes away must show as EPIPE here.
void block_signals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

AccessLogShard::AccessLogShard(SettingsCell const& settings, std::size_t capacity, std::function<void()> wake)
    : settings_(settings), ring_(capacity), wake_(std::move(wake)) {
    adopt();
}

void AccessLogShard::adopt() {
    style_ = style_of(settings_->telemetry);
    enabled_ = settings_->telemetry.access_log != "none";
}

void AccessLogShard::write(Outcome const& outcome) {
    if (settings_.refresh()) adopt();
    if (!enabled_) return;
    line_.clear();
    append_access_line(line_, outcome, *settings_, timestamp_, style_);
    if (!ring_.write(line_.view())) {
        dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        return;
    }
    // Once for each batch: when this line is the one that crosses its border.
    auto const waiting = ring_.waiting();
    if (waiting / batch != (waiting - std::min(waiting, line_.view().size())) / batch) wake_();
}

AccessLog::AccessLog(Settings const& settings, unsigned workers, Log& log, std::size_t capacity)
    : log_(log), settings_(observe_settings(settings)), output_(LogOutput::open(settings.telemetry.access_log)) {
    auto const& destination = settings.telemetry.access_log;
    if (!output_.is_open() && destination != "none") {
        throw std::system_error(errno, std::generic_category(), "telemetry.access_log: " + destination);
    }
    for (unsigned i = 0; i < workers; ++i) {
        shards_.push_back(std::make_unique<AccessLogShard>(settings_, capacity, [this] { wake_.notify_one(); }));
    }
    thread_ = std::thread(&AccessLog::run, this);
}

AccessLog::~AccessLog() {
    {
        std::lock_guard const lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void AccessLog::configure(Settings const& settings) {
    settings_.publish(observe_settings(settings));
    reopen();
}

std::uint64_t AccessLog::dropped() const {
    auto sum = lost_in_output_.load(std::memory_order_relaxed);
    for (auto const& shard : shards_) sum += shard->dropped();
    return sum;
}

void AccessLog::run() {
    block_signals();
    pthread_setname_np(pthread_self(), "access-log");
    auto const stopping = [this] {
        std::lock_guard const lock(mutex_);
        return stopping_;
    };
    while (!stopping()) {
        wait_for_work();
        reopen_if_asked();
        drain_all(std::chrono::steady_clock::now() + flush_every);
    }
    reopen_if_asked();
    if (!drain_all(std::chrono::steady_clock::now() + last_flush)) {
        log_.warning("SL6002", "access log lines were lost at the end: the output did not take them in time");
    }
}

/// Gives each shard a turn, beginning with the one whose line may be half written. False: time ran out.
bool AccessLog::drain_all(Instant give_up) {
    for (std::size_t turn = 0; turn < shards_.size(); ++turn) {
        if (!drain(*shards_[next_], give_up)) return false;
        next_ = (next_ + 1) % shards_.size();
    }
    return true;
}

void AccessLog::wait_for_work() {
    std::unique_lock lock(mutex_);
    if (!stopping_) wake_.wait_for(lock, flush_every);
}

/// Writes what waits in `shard`, until `give_up`. False: something is left.
bool AccessLog::drain(AccessLogShard& shard, Instant give_up) {
    auto& ring = shard.ring();
    for (auto bytes = ring.readable(); !bytes.empty(); bytes = ring.readable()) {
        auto written = output_.is_open() ? output_.write(bytes, flush_every) : LogOutput::npos;
        if (written == LogOutput::npos) {
            lost_in_output_.fetch_add(lines_in(bytes), std::memory_order_relaxed);
            written = bytes.size();
        }
        if (written > 0) at_line_end_ = bytes[written - 1] == '\n';
        ring.take(written);
        if (std::chrono::steady_clock::now() >= give_up) return ring.readable().empty();
    }
    return true;
}

void AccessLog::reopen_if_asked() {
    // Never inside a line: its rest belongs behind its beginning.
    if (!at_line_end_ || !reopen_.exchange(false, std::memory_order_relaxed)) return;
    auto const wanted = settings_.read()->telemetry.access_log;
    auto next = LogOutput::open(wanted);
    if (!next.is_open() && wanted != "none") {
        log_.error("SL6001", "the access log cannot be opened; the old one is kept",
                   {{"file", wanted}, {"error", std::generic_category().message(errno)}});
        return;
    }
    output_ = std::move(next);
}

}  // namespace sluice::observe
