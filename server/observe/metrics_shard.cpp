#include "server/observe/metrics_shard.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace sluice::observe {
namespace {

constexpr std::size_t first_slots = 256;
constexpr std::size_t most_cells = 32;

std::uint64_t positive(std::int64_t value) { return value > 0 ? static_cast<std::uint64_t>(value) : 0; }

std::int64_t nanoseconds(Duration duration) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

std::size_t hash(SeriesKey key) { return key * 0x9E3779B97F4A7C15U >> 32U; }

Stage stage_of(Outcome const& outcome) {
    if (outcome.first_token) return Stage::stream;
    return outcome.attempts.empty() ? Stage::request : Stage::attempt;
}

bool same_target(Attempt const& a, Attempt const& b) {
    return a.provider == b.provider && a.target_model == b.target_model;
}

/// x-stainless-lang as the SDKs send it; checked again here, because this is the one label that begins at a client.
std::string_view known_sdk(std::string_view sdk) {
    constexpr std::array<std::string_view, 8> known{"python", "js", "java", "go", "ruby", "csharp", "kotlin", "php"};
    return std::ranges::find(known, sdk) == known.end() ? std::string_view("other") : sdk;
}

}  // namespace

struct MetricsShard::Subject {
    NameId route;
    NameId model;
    NameId provider;   ///< the last attempt's, or "none"
    NameId operation;  ///< no_name: not a call of a model
};

MetricsShard::MetricsShard(Registry& registry, SettingsCell const& settings)
    : registry_(registry),
      fixed_(registry.fixed()),
      settings_(settings),
      slots_(first_slots),
      sink_(std::make_unique<Cell[]>(most_cells)) {}

void MetricsShard::record(Outcome const& outcome) {
    if (settings_.refresh()) rebuild();
    auto const* last = outcome.last_attempt();
    Subject const subject{.route = name(outcome.route),
                          .model = name(outcome.model),
                          .provider = last ? name(last->provider) : fixed_.none,
                          .operation = operation_of(outcome.route).empty() ? no_name : fixed_.chat};
    record_request(outcome, subject);
    record_attempts(outcome, subject);
    record_caller(outcome);
    record_troubles(outcome, subject);
}

void MetricsShard::record_request(Outcome const& outcome, Subject const& subject) {
    using enum FamilyId;
    auto const [route, model, provider, operation] = subject;
    count(series_key(requests, route, model, fixed_.code(outcome.status)));
    observe(series_key(overhead, route), nanoseconds(outcome.duration - outcome.upstream_time));
    if (operation == no_name) return;
    auto const error = outcome.error ? fixed_.error(outcome.error->kind) : no_name;
    observe(series_key(server_duration, operation, provider, model, error), nanoseconds(outcome.duration));
    if (outcome.first_token) {
        observe(series_key(server_first_token, operation, provider, model), nanoseconds(*outcome.first_token));
    }
    if (outcome.time_per_output_token) {
        observe(series_key(server_per_token, operation, provider, model), nanoseconds(*outcome.time_per_output_token));
    }
    if (outcome.cost) count(series_key(cost, provider, model), positive(outcome.cost->count));
}

void MetricsShard::record_attempts(Outcome const& outcome, Subject const& subject) {
    using enum FamilyId;
    Attempt const* before = nullptr;
    for (Attempt const& attempt : outcome.attempts) {
        record_attempt(attempt, subject);
        if (before && attempt.result != AttemptResult::not_sent) {
            auto const family = same_target(*before, attempt) ? retries : fallbacks;
            count(series_key(family, subject.model, fixed_.result(before->result)));
        }
        before = &attempt;
    }
}

void MetricsShard::record_attempt(Attempt const& attempt, Subject const& subject) {
    using enum FamilyId;
    auto const provider = name(attempt.provider);
    auto const result = fixed_.result(attempt.result);
    count(series_key(attempts, provider, result));
    if (attempt.result == AttemptResult::not_sent || subject.operation == no_name) return;
    auto const [route, model, last_provider, operation] = subject;
    auto const error = attempt.result == AttemptResult::ok ? no_name : result;
    observe(series_key(client_duration, operation, provider, model, error), nanoseconds(attempt.duration));
    if (attempt.first_token) {
        observe(series_key(client_first_chunk, operation, provider, model), nanoseconds(*attempt.first_token));
    }
    auto const& usage = attempt.usage;
    if (usage.source == UsageSource::provider) {
        observe(series_key(token_usage, operation, provider, model, fixed_.token_type(TokenType::input)), usage.input);
        observe(series_key(token_usage, operation, provider, model, fixed_.token_type(TokenType::output)),
                usage.output);
    } else if (usage.source == UsageSource::estimated) {
        count(series_key(usage_estimated, model), positive(usage.input) + positive(usage.output));
    }
}

void MetricsShard::record_caller(Outcome const& outcome) {
    using enum FamilyId;
    if (outcome.caller.empty() || !settings_->telemetry.key_labels) return;
    auto const key = name(outcome.caller);
    count(series_key(key_requests, key));
    if (outcome.usage.source != UsageSource::none) {
        count(series_key(key_tokens, key, fixed_.token_type(TokenType::input)), positive(outcome.usage.input));
        count(series_key(key_tokens, key, fixed_.token_type(TokenType::output)), positive(outcome.usage.output));
    }
    if (outcome.cost) count(series_key(key_cost, key), positive(outcome.cost->count));
}

void MetricsShard::record_troubles(Outcome const& outcome, Subject const&) {
    using enum FamilyId;
    if (outcome.client_left) {
        count(series_key(disconnects, fixed_.stage(stage_of(outcome))));
    } else if (outcome.stream_started && outcome.error) {
        count(series_key(truncated, fixed_.stage(stage_of(outcome))));
    }
    if (outcome.client.retry_count > 0) count(series_key(client_retries, name(known_sdk(outcome.client.sdk))));
}

NameId MetricsShard::name(std::string_view text) {
    if (auto const found = names_.find(text); found != names_.end()) return found->second;
    auto const id = registry_.intern(text);
    if (names_.size() < max_names) names_.emplace(text, id);
    return id;
}

void MetricsShard::observe(SeriesKey key, std::int64_t value) {
    auto const& edges = family(family_of(key)).edges;
    auto* const numbers = cells(key);
    auto const bucket = std::ranges::lower_bound(edges, value) - edges.begin();
    numbers[bucket].add(1);
    numbers[edges.size() + 1].add(positive(value));
}

Cell* MetricsShard::cells(SeriesKey key) {
    auto const mask = slots_.size() - 1;
    for (auto at = hash(key) & mask;; at = (at + 1) & mask) {
        if (slots_[at].key == key) [[likely]]
            return slots_[at].cells;
        if (slots_[at].key == 0) return add_series(key);
    }
}

// A refused series is remembered with the sink as its cells, so that asking again costs no lock. What is remembered is
// bounded by the names; beyond four times the names' number, refusals are asked for again each time.
Cell* MetricsShard::add_series(SeriesKey key) {
    if (!registry_.admit(key)) {
        if (used_ < 4 * max_names) insert(key, sink_.get());
        return sink_.get();
    }
    auto series = std::make_unique<Series>();
    series->key = key;
    series->cells = std::make_unique<Cell[]>(family(family_of(key)).cells());
    series->next = head_.load(std::memory_order_relaxed);
    auto* const cells = series->cells.get();
    head_.store(series.get(), std::memory_order_release);
    series_.push_back(std::move(series));
    insert(key, cells);
    return cells;
}

void MetricsShard::insert(SeriesKey key, Cell* cells) {
    if (2 * (used_ + 1) > slots_.size()) {
        std::vector<Slot> old(slots_.size() * 2);
        old.swap(slots_);
        used_ = 0;
        for (auto const& slot : old) {
            if (slot.key != 0) insert(slot.key, slot.cells);
        }
    }
    auto const mask = slots_.size() - 1;
    auto at = hash(key) & mask;
    while (slots_[at].key != 0) at = (at + 1) & mask;
    slots_[at] = Slot{.key = key, .cells = cells};
    ++used_;
}

// After a reload: what was refused may be allowed now.
void MetricsShard::rebuild() {
    std::ranges::fill(slots_, Slot{});
    used_ = 0;
    for (auto const& series : series_) insert(series->key, series->cells.get());
}

}  // namespace sluice::observe
