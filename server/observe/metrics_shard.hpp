#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/pipeline/outcome.hpp"
#include "server/observe/observe_settings.hpp"
#include "server/observe/registry.hpp"
#include "server/observe/series.hpp"
#include "server/observe/shard_tables.hpp"

namespace sluice::observe {

enum class Side : std::uint8_t { client, upstream, count_ };

/// One worker's share of the metrics. Only that worker writes, with plain loads and stores; the page's maker reads
/// beside it. A request costs a few look-ups by number and no allocation once its series exist.
class alignas(64) MetricsShard {
public:
    MetricsShard(Registry& registry, SettingsCell const& settings);
    MetricsShard(MetricsShard const&) = delete;
    MetricsShard& operator=(MetricsShard const&) = delete;

    // --- the worker's -----------------------------------------------------------------------------------------------
    void record(Outcome const& outcome);
    void connection_opened(Side side) { connections_[static_cast<std::size_t>(side)].add(1); }
    void connection_closed(Side side) { connections_[static_cast<std::size_t>(side)].add(minus_one); }
    void request_started() { in_flight_.add(1); }
    void request_finished() { in_flight_.add(minus_one); }
    void stream_opened() { streams_.add(1); }
    void stream_closed() { streams_.add(minus_one); }

    // --- any thread's -----------------------------------------------------------------------------------------------
    Series const* first_series() const { return head_.load(std::memory_order_acquire); }
    std::int64_t in_flight() const { return static_cast<std::int64_t>(in_flight_.read()); }
    std::int64_t streams() const { return static_cast<std::int64_t>(streams_.read()); }
    /// Calls, also of classifiers and copies, that an upstream answered with a 2xx.
    std::int64_t answered_calls() const { return static_cast<std::int64_t>(answered_calls_.read()); }
    std::int64_t connections(Side side) const {
        return static_cast<std::int64_t>(connections_[static_cast<std::size_t>(side)].read());
    }

private:
    static constexpr std::uint64_t minus_one = ~std::uint64_t{0};

    struct Subject;  // what a request was about, as numbers

    void record_request(Outcome const& outcome, Subject const& subject);
    void record_attempts(Outcome const& outcome, Subject const& subject);
    void record_attempt(Attempt const& attempt, NameId provider, Subject const& subject);
    void record_copy(Outcome const& outcome, Subject const& subject);
    void record_caller(Outcome const& outcome);
    void record_troubles(Outcome const& outcome);

    NameId name(std::string_view text);
    Cell* cells(SeriesKey key);
    void count(SeriesKey key) { cells(key)->add(1); }
    void forget_refusals();

    // The numbers that are written together, found with one look-up: a row's cells are looked up (and made) one by one,
    // when they are first written.
    void count(SeriesRow& row, std::size_t column, SeriesKey key, std::uint64_t amount = 1);
    void observe(SeriesRow& row, std::size_t column, SeriesKey key, std::int64_t value);

    Registry& registry_;
    FixedNames const& fixed_;
    SettingsReader settings_;
    NameTable names_;
    SeriesRows rows_;
    std::unordered_map<SeriesKey, Cell*> cells_;
    std::vector<std::unique_ptr<Series>> series_;
    std::atomic<Series const*> head_{nullptr};
    std::unique_ptr<Cell[]> sink_;  // where samples of refused series go; never read

    alignas(64) Cell in_flight_;
    Cell streams_;
    Cell answered_calls_;
    Cell connections_[static_cast<std::size_t>(Side::count_)];
};

}  // namespace sluice::observe
