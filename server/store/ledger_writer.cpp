#include "server/store/ledger_writer.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <random>
#include <utility>
#include <variant>

namespace sluice::store {
namespace {

constexpr std::size_t events_at_once = 1'000;
constexpr milliseconds longest_nap{1'000};
constexpr milliseconds nap_while_closing{20};

Instant now() { return std::chrono::steady_clock::now(); }
WallTime wall_time() { return std::chrono::floor<milliseconds>(std::chrono::system_clock::now()); }

std::int64_t draw_epoch() {
    std::random_device device;
    std::uniform_int_distribution<std::int64_t> any(1, std::numeric_limits<std::int64_t>::max());
    return any(device);
}

bool answered(LedgerSettlement const& end) { return end.upstream_status >= 200 && end.upstream_status < 300; }

void count(LedgerCounts& counts, LedgerEvent const& event) {
    if (std::holds_alternative<Reserve>(event)) ++counts.calls_written;
    if (auto const* const settle = std::get_if<Settle>(&event)) {
        ++counts.settlements_written;
        if (answered(settle->end)) ++counts.answered_written;
    }
}

bool is_refused(CallProgress const& call) { return call.stage == CallProgress::Stage::refused; }

/// A call that was not made: for nothing, and no request.
Settle voided(CallId id) {
    return {.id = id, .end = {.at = wall_time(), .result = AttemptResult::cancelled}, .requests = 0};
}

}  // namespace

// --- beginning and end

LedgerWriter::LedgerWriter(LedgerStore& store, LedgerWriterOptions options)
    : store_(store),
      options_(std::move(options)),
      may_spool_(options_.allow_if_unavailable && !options_.spool_folder.empty()),
      epoch_(draw_epoch()),
      queue_(options_.most_queued, options_.pace) {}

LedgerWriter::~LedgerWriter() { std::ignore = close(now()); }

Result<> LedgerWriter::start() {
    if (may_spool_) {
        SLUICE_TRY(spool_, LedgerSpool::create(options_.spool_folder, epoch_));
    }
    if (auto const settled = settle_in(); !settled) {
        if (!may_spool_) return settled;
        fail(settled.error());
    }
    next_beat_ = now() + options_.heartbeat_every;
    next_recovery_ = now() + options_.alive_within;
    writing_thread_ = std::thread([this] { write_events(); });
    keeping_thread_ = std::thread([this] { keep(); });
    return {};
}

Result<> LedgerWriter::close(Instant deadline) {
    if (!writing_thread_.joinable()) return {};
    deadline_ = deadline;
    closing_ = true;
    queue_.refuse(true);
    queue_.wake();
    ring();
    writing_thread_.join();
    written_ = true;
    ring();
    keeping_thread_.join();
    if (!lost_) return {};
    return std::unexpected(Error{.kind = ErrorKind::ledger_unavailable,
                                 .detail = "the store failed to the end, and there was no place for a spool"});
}

/// What earlier processes could not write comes first: it may settle calls that they left open.
Result<> LedgerWriter::settle_in() {
    for (auto& left : LedgerSpool::left_behind(options_.spool_folder)) {
        while (!left.all_read()) {
            SLUICE_TRY(auto const events, left.next(events_at_once));
            SLUICE_CHECK(store_.append(events));
        }
        SLUICE_CHECK(store_.sync());
        left.remove();
    }
    SLUICE_CHECK(store_.heartbeat(epoch_, wall_time()));
    SLUICE_TRY(auto const recovered, store_.recover(epoch_, wall_time(), options_.alive_within));
    counters_.recovered += recovered;
    SLUICE_CHECK(store_.sync());
    settled_in_ = true;
    return {};
}

// --- the thread that writes

void LedgerWriter::write_events() {
    for (;;) {
        handle(queue_.take(now() + (closing_ ? nap_while_closing : longest_nap)));
        if (failing_ && revived_) {
            if (auto const result = catch_up(); !result) fail(result.error());
        }
        bool const given_up = failing_ && now() >= deadline_.load();
        if (closing_ && queue_.size() == 0 && (!failing_ || given_up)) break;
    }
    save_rest();
}

void LedgerWriter::handle(LedgerBatch batch) {
    LedgerBatch wanted;
    bool const some_refused = std::ranges::any_of(batch.calls, [](auto const& call) { return is_refused(*call); });
    if (some_refused) {
        for (std::size_t i = 0; i < batch.size(); ++i) {
            if (!is_refused(*batch.calls[i])) wanted.add(std::move(batch.events[i]), std::move(batch.calls[i]));
        }
    } else {
        wanted = std::move(batch);
    }
    if (wanted.empty()) return;
    if (failing_) {
        put_aside(std::move(wanted), Tried::no);
    } else {
        commit(std::move(wanted));
    }
}

void LedgerWriter::commit(LedgerBatch batch) {
    if (auto const appended = store_.append(batch.events); !appended) {
        fail(appended.error());
        return put_aside(std::move(batch), Tried::yes);
    }
    remember(std::move(batch));
}

/// It is kept until it is synced, and its calls may be made.
void LedgerWriter::remember(LedgerBatch batch) {
    LedgerCounts written;
    for (auto const& event : batch.events) count(written, event);
    counters_.calls_written += written.calls_written;
    counters_.settlements_written += written.settlements_written;
    counters_.answered_written += written.answered_written;
    counters_.events_written += static_cast<std::int64_t>(batch.size());
    ++counters_.commits;

    auto const number = committed_ + 1;
    std::vector<std::shared_ptr<CallProgress>> recorded;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        if (!std::holds_alternative<Reserve>(batch.events[i])) continue;
        batch.calls[i]->commit = number;
        recorded.push_back(batch.calls[i]);
    }
    bool first = false;
    {
        std::lock_guard const lock(keep_mutex_);
        first = unsynced_.empty();
        if (first) unsynced_since_ = now();
        unsynced_.push_back({.number = number, .batch = std::move(batch)});
        committed_ = number;
    }
    for (auto const& call : recorded) {
        call->stage = CallProgress::Stage::recorded;
        call->wake();
    }
    if (first) ring();
}

void LedgerWriter::put_aside(LedgerBatch batch, Tried tried) {
    if (may_spool_ && spool(batch)) return;
    refuse(std::move(batch), tried);
}

bool LedgerWriter::spool(LedgerBatch const& batch) {
    auto const spooled = spool_->append(batch.events);
    counters_.spool_bytes = spool_->bytes();
    if (!spooled) {
        fail(spooled.error());
        return false;
    }
    for (std::size_t i = 0; i < batch.size(); ++i) {
        if (!std::holds_alternative<Reserve>(batch.events[i])) continue;
        batch.calls[i]->stage = CallProgress::Stage::recorded;  // and durable: no commit has to be synced for it
        batch.calls[i]->wake();
    }
    return true;
}

/// Calls that can't be recorded are not made. Of those that were, everything is kept.
void LedgerWriter::refuse(LedgerBatch batch, Tried tried) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
        auto const& call = batch.calls[i];
        if (is_refused(*call)) continue;
        if (auto* const event = std::get_if<Reserve>(&batch.events[i])) {
            ++counters_.refused;
            call->stage = CallProgress::Stage::refused;
            call->wake();
            // Nobody knows how far a failed commit came: should the call be there, it is settled for nothing.
            if (tried == Tried::no) continue;
            auto const id = event->id;
            keep_in_memory(std::move(batch.events[i]), nullptr);
            keep_in_memory(voided(id), nullptr);
        } else {
            keep_in_memory(std::move(batch.events[i]), call);
        }
    }
}

void LedgerWriter::keep_in_memory(LedgerEvent event, std::shared_ptr<CallProgress> call) {
    kept_.add(std::move(event), std::move(call));
    counters_.kept = kept_.size();
}

/// The store is back: it gets what it may have lost, what was spooled, and what was kept, in this order.
Result<> LedgerWriter::catch_up() {
    LedgerCounts written;
    SLUICE_CHECK(append_unsynced());
    if (spool_) SLUICE_CHECK(append_spooled(written));
    SLUICE_CHECK(store_.append(kept_.events));
    for (auto const& event : kept_.events) count(written, event);
    SLUICE_CHECK(store_.sync());
    if (spool_) SLUICE_CHECK(spool_->forget());
    caught_up(written);
    return {};
}

Result<> LedgerWriter::append_unsynced() {
    std::vector<LedgerEvent> events;
    {
        std::lock_guard const lock(keep_mutex_);
        for (auto const& commit : unsynced_) {
            events.insert(events.end(), commit.batch.events.begin(), commit.batch.events.end());
        }
    }
    return store_.append(events);
}

/// Meanwhile calls go on, into the spool.
Result<> LedgerWriter::append_spooled(LedgerCounts& written) {
    spool_->rewind();
    while (!spool_->all_read()) {
        SLUICE_TRY(auto const events, spool_->next(events_at_once));
        SLUICE_CHECK(store_.append(events));
        for (auto const& event : events) count(written, event);
        handle(queue_.take_now());
    }
    return {};
}

void LedgerWriter::caught_up(LedgerCounts const& written) {
    counters_.calls_written += written.calls_written;
    counters_.settlements_written += written.settlements_written;
    counters_.answered_written += written.answered_written;
    counters_.spool_bytes = 0;
    counters_.kept = 0;
    kept_ = {};
    {
        std::lock_guard const lock(keep_mutex_);
        synced_ = committed_.load();
        unsynced_.clear();
        unsynced_since_ = never;
    }
    revived_ = false;
    failing_ = false;
    queue_.refuse(closing_);
    if (options_.on_change) options_.on_change(nullptr);
    ring();
}

/// Whatever the store has not taken by now is left for the next process.
void LedgerWriter::save_rest() {
    handle(queue_.take_now());
    if (!failing_) {
        if (spool_) spool_->remove();
        return;
    }
    auto rest = std::move(kept_);
    {
        std::lock_guard const lock(keep_mutex_);
        for (auto& commit : unsynced_) rest.add(std::move(commit.batch));
    }
    if (rest.empty()) return;
    if (!spool_ && !options_.spool_folder.empty()) {
        if (auto made = LedgerSpool::create(options_.spool_folder, epoch_)) spool_ = *std::move(made);
    }
    lost_ = !spool_ || !spool_->append(rest.events);
}

// --- both threads

void LedgerWriter::fail(Error const& error) {
    ++counters_.failures;
    {
        std::lock_guard const lock(keep_mutex_);
        last_error_ = error.detail;
    }
    revived_ = false;
    if (failing_.exchange(true)) return;
    if (!may_spool_) queue_.refuse(true);
    if (options_.on_change) options_.on_change(&error);
    queue_.wake();
    ring();
}

void LedgerWriter::ring() {
    {
        std::lock_guard const lock(keep_mutex_);
        ring_ = true;
    }
    keep_bell_.notify_one();
}

// --- figures

LedgerCounts LedgerWriter::counts() const {
    // In an order in which no figure can be behind one that it depends on.
    LedgerCounts counts;
    counts.answered_written = counters_.answered_written;
    counts.settlements_written = counters_.settlements_written;
    counts.calls_written = counters_.calls_written;
    counts.answered = counters_.answered;
    counts.settled = counters_.settled;
    counts.refused = counters_.refused;
    counts.begun = counters_.begun;
    return counts;
}

LedgerWriterStatus LedgerWriter::status() const {
    LedgerWriterStatus status{.counts = counts(),
                              .events_written = counters_.events_written,
                              .commits = counters_.commits,
                              .syncs = counters_.syncs,
                              .failures = counters_.failures,
                              .recovered = counters_.recovered,
                              .queued = queue_.size(),
                              .oldest = queue_.oldest(),
                              .kept = counters_.kept,
                              .spool_bytes = counters_.spool_bytes,
                              .failing = failing_};
    std::lock_guard const lock(keep_mutex_);
    status.last_error = last_error_;
    return status;
}

}  // namespace sluice::store
