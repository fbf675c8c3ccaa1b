#include "server/store/ledger_writer.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <random>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include "server/store/event_bytes.hpp"
#include "server/store/ledger_desk.hpp"

namespace sluice::store {
namespace {

constexpr std::size_t events_at_once = 1'000;
constexpr milliseconds longest_nap{1'000};
constexpr milliseconds nap_while_closing{20};
constexpr milliseconds longest_pause{20};

Instant now() { return std::chrono::steady_clock::now(); }
WallTime wall_time() { return std::chrono::floor<milliseconds>(std::chrono::system_clock::now()); }

std::int64_t draw_epoch() {
    std::random_device device;
    std::uniform_int_distribution<std::int64_t> any(1, std::numeric_limits<std::int64_t>::max());
    return any(device);
}

bool answered(LedgerSettlement const& end) { return end.upstream_status >= 200 && end.upstream_status < 300; }

}  // namespace

// --- beginning and end

LedgerWriter::LedgerWriter(LedgerStore& store, LedgerWriterOptions options)
    : store_(store), options_(std::move(options)), epoch_(draw_epoch()) {}

LedgerWriter::~LedgerWriter() { std::ignore = close(now()); }

Result<> LedgerWriter::start() {
    auto journal = LedgerJournal::create(options_.journal_folder, epoch_);
    if (!journal && options_.recorded_in == RecordedIn::store) journal = LedgerJournal::create("", epoch_);
    if (!journal) return std::unexpected(journal.error());
    journal_ = *std::move(journal);
    if (auto const settled = settle_in(); !settled) {
        if (!options_.allow_if_unavailable) {
            journal_->remove();
            return settled;
        }
        store_failed(settled.error());
    }
    next_beat_ = now() + options_.heartbeat_every;
    next_recovery_ = now() + options_.alive_within;
    syncing_ = std::thread([this] { sync_journal(); });
    giving_ = std::thread([this] { give_to_store(); });
    keeping_ = std::thread([this] { keep(); });
    return {};
}

Result<> LedgerWriter::close(Instant deadline) {
    if (!giving_.joinable()) return {};
    deadline_ = deadline;
    closing_ = true;
    sync_bell_.hurry();
    store_bell_.hurry();
    giving_.join();
    given_ = true;
    sync_bell_.ring();
    keep_bell_.ring();
    syncing_.join();
    keeping_.join();
    if (!lost_) return {};
    return std::unexpected(Error{.kind = ErrorKind::ledger_unavailable,
                                 .detail = "the store failed to the end, and the journal could not be kept"});
}

/// What earlier processes could not give to the store comes first: it may settle calls that they left open.
Result<> LedgerWriter::settle_in() {
    SLUICE_CHECK(take_over());
    SLUICE_CHECK(store_.heartbeat(epoch_, wall_time()));
    SLUICE_TRY(auto const recovered, store_.recover(epoch_, wall_time(), options_.alive_within));
    counters_.recovered += recovered;
    SLUICE_CHECK(store_.sync());
    settled_in_ = true;
    return {};
}

/// Gives the store what processes that are gone left in their journals, and tells it that they are gone.
Result<> LedgerWriter::take_over() {
    auto left = JournalFile::left_behind(options_.journal_folder);
    for (auto const& file : left) {
        for (std::uint64_t at = 0; at < file.end();) {
            SLUICE_TRY(auto const found, read_events(file, at, file.end()));
            for (std::span rest = found.events; !rest.empty();) {
                auto const some = rest.first(std::min(rest.size(), events_at_once));
                SLUICE_CHECK(store_.append(some));
                rest = rest.subspan(some.size());
            }
            at = found.end;
        }
        SLUICE_CHECK(store_.heartbeat(file.epoch(), WallTime{}));
    }
    if (left.empty()) return {};
    SLUICE_CHECK(store_.sync());
    for (auto& file : left) file.remove();
    return {};
}

// --- for desks

void LedgerWriter::open_desk(LedgerDesk& desk) {
    std::lock_guard const lock(mutex_);
    desks_.push_back(&desk);
}

void LedgerWriter::close_desk(LedgerDesk& desk) {
    std::lock_guard const lock(mutex_);
    std::erase(desks_, &desk);
}

bool LedgerWriter::takes_calls() const {
    if (closing_ || journal_->fails()) return false;
    if (store_fails_) return options_.allow_if_unavailable;
    return static_cast<std::size_t>(events_said_ - counters_.events_written) < options_.most_waiting;
}

LedgerJournal::Added LedgerWriter::add(std::string frame, std::int64_t events, bool has_calls) {
    events_said_ += events;  // before anybody can have given them to the store
    auto const added = journal_->add(std::move(frame));
    bool const is_awaited = has_calls && (options_.recorded_in == RecordedIn::journal || store_fails_);
    if (is_awaited) must_sync_ = true;
    if (is_awaited || added.is_first || !added.is_written) sync_bell_.ring();
    store_bell_.ring();
    return added;
}

LedgerWriter::Standing LedgerWriter::standing(Point point, std::uint64_t position) const {
    bool const by_journal =
        options_.recorded_in == RecordedIn::journal || (store_fails_ && options_.allow_if_unavailable);
    if (options_.recorded_in == RecordedIn::store && position <= appended_) return Standing::reached;
    if (!by_journal) return store_fails_ || journal_->fails() ? Standing::failed : Standing::awaited;
    if (position <= (point == Point::recorded ? journal_->written() : journal_->synced())) return Standing::reached;
    return journal_->fails() ? Standing::failed : Standing::awaited;
}

void LedgerWriter::count_settled(LedgerSettlement const& end) {
    ++counters_.settled;
    if (answered(end)) ++counters_.answered;
}

// --- the thread that syncs the journal

void LedgerWriter::sync_journal() {
    pthread_setname_np(pthread_self(), "ledger-sync");
    auto due = never;  // of what nobody waits for
    while (!given_) {
        bool const waits = journal_->written() != journal_->synced();
        sync_bell_.wait(journal_->fails() ? next_renewal_ : waits ? due : now() + longest_nap);
        if (journal_->fails()) {
            tend_journal();
            continue;
        }
        if (journal_->written() == journal_->synced()) continue;
        due = std::min(due, now() + options_.sync_within);
        if (!must_sync_ && now() < due && !closing_) continue;
        sync_bell_.pause(last_sync_ + options_.sync_every);
        due = never;
        sync_once();
    }
}

void LedgerWriter::sync_once() {
    must_sync_ = false;
    last_sync_ = now();
    if (!journal_->sync()) return;  // the next turn of the loop sees it
    ++counters_.syncs;
    tell_desks();
}

void LedgerWriter::tend_journal() {
    if (journal_backoff_ == milliseconds(0)) {
        count_failure(journal_->last_error());
        tell_desks();
        tell_change();
        journal_backoff_ = options_.backoff_first;
        next_renewal_ = now();
    }
    if (now() < next_renewal_) return;
    auto renewed = journal_->renew();
    if (renewed) renewed = journal_->sync();
    if (!renewed) {
        count_failure(renewed.error().detail.str());
        next_renewal_ = now() + journal_backoff_;
        journal_backoff_ = std::min(journal_backoff_ * 2, options_.backoff_most);
        return;
    }
    journal_backoff_ = milliseconds(0);
    ++counters_.syncs;
    tell_desks();
    tell_change();
    store_bell_.ring();
}

// --- the thread that gives to the store

void LedgerWriter::give_to_store() {
    pthread_setname_np(pthread_self(), "ledger-store");
    for (;;) {
        auto const nap = closing_ ? nap_while_closing : journal_->page_size() > 0 ? options_.page_time : longest_nap;
        store_bell_.wait(store_fails_ ? next_try_ : now() + nap);
        if (store_fails_) {
            tend_store();
        } else if (auto const appended = append_written(); !appended) {
            store_failed(appended.error());
        }
        bool const given_up = now() >= deadline_.load();
        if (closing_ && (next_ == journal_->added() || given_up)) break;
        if (options_.recorded_in == RecordedIn::store) continue;
        store_bell_.pause(last_append_ + (others_look_ ? options_.append_for_others : options_.append_every));
    }
    end_giving();
}

Result<> LedgerWriter::append_written() {
    for (;;) {
        // What was given before, and may have been lost by the store, is not counted again.
        auto const to = next_ < appended_ ? appended_.load() : std::numeric_limits<std::uint64_t>::max();
        SLUICE_TRY(auto const found, journal_->read(next_, to));
        if (found.end == next_) break;
        SLUICE_CHECK(store_.append(found.events));
        last_append_ = now();
        next_ = found.end;
        if (next_ <= appended_) continue;
        count_appended(found.events);
        appended_ = next_;
        if (options_.recorded_in == RecordedIn::store) tell_desks();
        keep_bell_.ring();
    }
    return turn_pages();
}

void LedgerWriter::count_appended(std::vector<LedgerEvent> const& events) {
    for (auto const& event : events) {
        if (std::holds_alternative<Reserve>(event)) ++counters_.calls_written;
        if (auto const* const settle = std::get_if<Settle>(&event)) {
            ++counters_.settlements_written;
            if (answered(settle->end)) ++counters_.answered_written;
        }
    }
    counters_.events_written += static_cast<std::int64_t>(events.size());
    ++counters_.commits;
}

/// Where there is no room for another file, the present one grows.
Result<> LedgerWriter::turn_pages() {
    auto const size = journal_->page_size();
    bool const is_quiet = size > 0 && next_ == journal_->added() && now() - last_append_ >= options_.page_time;
    if (size > options_.page_bytes || is_quiet) std::ignore = journal_->turn_page();
    if (!journal_->has_page_before(next_)) return {};
    SLUICE_CHECK(store_.sync());
    journal_->drop_pages_before(next_);
    return {};
}

void LedgerWriter::tend_store() {
    if (backoff_ == milliseconds(0)) {
        backoff_ = options_.backoff_first;
        next_try_ = now() + backoff_;
    }
    if (now() < next_try_) return;
    if (auto const revived = revive(); !revived) {
        count_failure(revived.error().detail.str());
        backoff_ = std::min(backoff_ * 2, options_.backoff_most);
        next_try_ = now() + backoff_;
        return;
    }
    backoff_ = milliseconds(0);
    store_fails_ = false;
    tell_desks();
    tell_change();
}

/// After it was opened anew the store holds what was synced, and perhaps no more: it gets the whole journal again.
Result<> LedgerWriter::revive() {
    SLUICE_CHECK(store_.reopen());
    if (!settled_in_) SLUICE_CHECK(settle_in());
    SLUICE_CHECK(store_.heartbeat(epoch_, wall_time()));
    next_ = journal_->first();
    return append_written();
}

/// Whatever the store has not taken by now is left for the next process.
void LedgerWriter::end_giving() {
    bool const has_all = !store_fails_ && next_ == journal_->added() && store_.sync();
    if (has_all) return journal_->remove();
    auto kept = journal_->sync();
    if (!kept && journal_->renew()) kept = journal_->sync();
    lost_ = !kept || journal_->is_in_memory();
}

// --- the thread that keeps

void LedgerWriter::keep() {
    pthread_setname_np(pthread_self(), "ledger-keep");
    while (!given_) {
        keep_bell_.wait(next_beat_);
        if (store_fails_) {
            next_beat_ = now() + options_.heartbeat_every;
            continue;
        }
        if (auto const tidied = store_.tidy(); !tidied) store_failed(tidied.error());
        if (now() >= next_beat_) beat();
        keep_bell_.pause(now() + longest_pause);
    }
    if (!store_fails_)
        std::ignore = store_.heartbeat(epoch_, WallTime{});  // else others see soon enough that it is gone
}

void LedgerWriter::beat() {
    next_beat_ = now() + options_.heartbeat_every;
    if (auto const beaten = store_.heartbeat(epoch_, wall_time()); !beaten) return store_failed(beaten.error());
    if (now() < next_recovery_) return;
    next_recovery_ = now() + options_.alive_within;
    if (auto const taken = take_over(); !taken) return store_failed(taken.error());
    auto const recovered = store_.recover(epoch_, wall_time(), options_.alive_within);
    if (!recovered) return store_failed(recovered.error());
    counters_.recovered += *recovered;
}

// --- all threads

void LedgerWriter::store_failed(Error const& error) {
    count_failure(error.detail.str());
    if (store_fails_.exchange(true)) return;
    tell_desks();
    tell_change();
    store_bell_.ring();
}

void LedgerWriter::count_failure(std::string const& reason) {
    ++counters_.failures;
    std::lock_guard const lock(mutex_);
    last_error_ = reason;
}

void LedgerWriter::tell_change() {
    std::lock_guard const telling(telling_);
    bool const fails = store_fails_ || journal_->fails();
    if (fails == told_failing_) return;
    told_failing_ = fails;
    if (!options_.on_change) return;
    if (!fails) return options_.on_change(nullptr);
    Error const error{.kind = ErrorKind::ledger_unavailable, .detail = status().last_error};
    options_.on_change(&error);
}

void LedgerWriter::tell_desks() {
    std::lock_guard const lock(mutex_);
    for (auto* const desk : desks_) desk->tell();
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
                              .failing = store_fails_ || journal_->fails()};
    status.waiting = events_said_ - status.events_written;  // read in this order
    std::lock_guard const lock(mutex_);
    status.last_error = last_error_;
    return status;
}

}  // namespace sluice::store
