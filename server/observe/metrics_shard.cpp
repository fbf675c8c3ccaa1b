#include "server/observe/metrics_shard.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace sluice::observe {
namespace {

constexpr std::size_t most_cells = 32;

std::uint64_t positive(std::int64_t value) { return value > 0 ? static_cast<std::uint64_t>(value) : 0; }

std::int64_t nanoseconds(Duration duration) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

// The columns of each kind of row. A row has the name of its first family.
enum RequestColumn : std::size_t { requests_column, overhead_column };
enum CallColumn : std::size_t {
    server_duration_column,
    server_first_token_column,
    server_per_token_column,
    cost_column,
    client_duration_column,
    client_first_chunk_column,
    input_column,
    output_column,
    attempts_column,
};
enum KeyColumn : std::size_t { key_requests_column, key_input_column, key_output_column, key_cost_column };

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
    : registry_(registry), fixed_(registry.fixed()), settings_(settings), sink_(std::make_unique<Cell[]>(most_cells)) {}

void MetricsShard::record(Outcome const& outcome) {
    if (settings_.refresh()) forget_refusals();
    auto const* last = outcome.last_attempt();
    Subject const subject{.route = name(outcome.route),
                          .model = name(outcome.model),
                          .provider = last ? name(last->provider) : fixed_.none,
                          .operation = operation_of(outcome.route).empty() ? no_name : fixed_.chat};
    if (outcome.mirror == Mirror::copy) return record_copy(outcome, subject);
    if (outcome.mirror == Mirror::skipped) count(series_key(FamilyId::mirrors, subject.model, name("skipped")));
    if (outcome.mirror == Mirror::unfit) count(series_key(FamilyId::mirrors, subject.model, name("unfit")));
    record_request(outcome, subject);
    record_attempts(outcome, subject);
    record_caller(outcome);
    record_troubles(outcome);
}

void MetricsShard::record_request(Outcome const& outcome, Subject const& subject) {
    using enum FamilyId;
    auto const [route, model, provider, operation] = subject;
    auto const request = series_key(requests, route, model, fixed_.code(outcome.status));
    auto& request_row = rows_.at(request);
    count(request_row, requests_column, request);
    observe(request_row, overhead_column, series_key(overhead, route),
            nanoseconds(outcome.duration - outcome.upstream_time));
    if (operation == no_name) return;
    auto const error = outcome.error ? fixed_.error(outcome.error->kind) : no_name;
    auto const call = series_key(server_duration, operation, provider, model, error);
    auto& row = rows_.at(call);
    observe(row, server_duration_column, call, nanoseconds(outcome.duration));
    if (auto const& time = outcome.first_token) {
        observe(row, server_first_token_column, series_key(server_first_token, operation, provider, model),
                nanoseconds(*time));
    }
    if (auto const& time = outcome.time_per_output_token) {
        observe(row, server_per_token_column, series_key(server_per_token, operation, provider, model),
                nanoseconds(*time));
    }
    if (outcome.cost) count(row, cost_column, series_key(cost, provider, model), positive(outcome.cost->count));
}

void MetricsShard::record_attempts(Outcome const& outcome, Subject const& subject) {
    using enum FamilyId;
    Attempt const* before = nullptr;
    for (Attempt const& attempt : outcome.attempts) {
        auto const provider = &attempt == outcome.last_attempt() ? subject.provider : name(attempt.provider);
        record_attempt(attempt, provider, subject);
        if (before && attempt.result != AttemptResult::not_sent) {
            auto const family = same_target(*before, attempt) ? retries : fallbacks;
            count(series_key(family, subject.model, fixed_.result(before->result)));
        }
        if (!attempt.classifies) before = &attempt;
    }
}

void MetricsShard::record_attempt(Attempt const& attempt, NameId provider, Subject const& subject) {
    using enum FamilyId;
    if (attempt.upstream_status >= 200 && attempt.upstream_status <= 299) answered_calls_.add(1);
    auto const operation = subject.operation;
    auto const model = subject.model;
    auto const result = fixed_.result(attempt.result);
    auto const error = attempt.result == AttemptResult::ok ? no_name : result;
    auto const call = series_key(client_duration, operation, provider, model, error);
    auto& row = rows_.at(call);
    count(row, attempts_column, series_key(attempts, provider, result));
    if (attempt.hedge) count(series_key(hedges, provider, result));
    if (attempt.continued) count(series_key(continuations, provider, result));
    for (auto const& made : attempt.adjustments) {
        count(series_key(FamilyId::adjustments, provider, name(made.field), name(to_string(made.kind))));
    }
    if (attempt.result == AttemptResult::not_sent || operation == no_name) return;
    observe(row, client_duration_column, call, nanoseconds(attempt.duration));
    if (auto const& time = attempt.first_token) {
        observe(row, client_first_chunk_column, series_key(client_first_chunk, operation, provider, model),
                nanoseconds(*time));
    }
    auto const& usage = attempt.usage;
    if (usage.source == UsageSource::provider) {
        auto const key = [operation, provider, model, this](TokenType type) {
            return series_key(token_usage, operation, provider, model, fixed_.token_type(type));
        };
        observe(row, input_column, key(TokenType::input), usage.input);
        observe(row, output_column, key(TokenType::output), usage.output);
    } else if (usage.source == UsageSource::estimated) {
        cells(series_key(usage_estimated, model))->add(positive(usage.input) + positive(usage.output));
    }
}

/// Nobody asked for it: it is no request of the model's or of a key's, yet it used its provider.
void MetricsShard::record_copy(Outcome const& outcome, Subject const& subject) {
    using enum FamilyId;
    auto const* last = outcome.last_attempt();
    auto const result = last != nullptr ? last->result : AttemptResult::not_sent;
    count(series_key(mirrors, subject.model, fixed_.result(result)));
    record_attempts(outcome, subject);
    if (outcome.cost) cells(series_key(cost, subject.provider, subject.model))->add(positive(outcome.cost->count));
}

void MetricsShard::record_caller(Outcome const& outcome) {
    using enum FamilyId;
    if (outcome.caller.empty() || !settings_->telemetry.key_labels) return;
    auto const caller = name(outcome.caller);
    auto const key = series_key(key_requests, caller);
    auto& row = rows_.at(key);
    count(row, key_requests_column, key);
    if (outcome.usage.source != UsageSource::none) {
        count(row, key_input_column, series_key(key_tokens, caller, fixed_.token_type(TokenType::input)),
              positive(outcome.usage.input));
        count(row, key_output_column, series_key(key_tokens, caller, fixed_.token_type(TokenType::output)),
              positive(outcome.usage.output));
    }
    if (outcome.cost) count(row, key_cost_column, series_key(key_cost, caller), positive(outcome.cost->count));
}

void MetricsShard::record_troubles(Outcome const& outcome) {
    using enum FamilyId;
    if (outcome.client_left) {
        count(series_key(disconnects, fixed_.stage(stage_of(outcome))));
    } else if (outcome.stream_started && outcome.error) {
        count(series_key(truncated, fixed_.stage(stage_of(outcome))));
    }
    if (outcome.client.retry_count > 0) count(series_key(client_retries, name(known_sdk(outcome.client.sdk))));
}

NameId MetricsShard::name(std::string_view text) {
    if (auto const* known = names_.find(text)) [[likely]]
        return *known;
    auto const id = registry_.intern(text);
    if (names_.size() < max_names) names_.add(text, id);
    return id;
}

void MetricsShard::count(SeriesRow& row, std::size_t column, SeriesKey key, std::uint64_t amount) {
    auto*& cell = row.cells[column];
    if (!cell) [[unlikely]]
        cell = cells(key);
    cell->add(amount);
}

void MetricsShard::observe(SeriesRow& row, std::size_t column, SeriesKey key, std::int64_t value) {
    auto*& numbers = row.cells[column];
    if (!numbers) [[unlikely]]
        numbers = cells(key);
    auto const& edges = family(family_of(key)).edges;
    numbers[std::ranges::lower_bound(edges, value) - edges.begin()].add(1);
    numbers[edges.size() + 1].add(positive(value));
}

// A refused series is remembered with the sink as its cells, so that asking again costs no lock. What is remembered is
// bounded; refusals beyond that are asked for again each time.
Cell* MetricsShard::cells(SeriesKey key) {
    if (auto const known = cells_.find(key); known != cells_.end()) return known->second;
    if (!registry_.admit(key)) {
        if (cells_.size() < 4 * max_names) cells_.emplace(key, sink_.get());
        return sink_.get();
    }
    auto series = std::make_unique<Series>();
    series->key = key;
    series->cells = std::make_unique<Cell[]>(family(family_of(key)).cells());
    series->next = head_.load(std::memory_order_relaxed);
    auto* const cells = series->cells.get();
    cells_.emplace(key, cells);
    head_.store(series.get(), std::memory_order_release);
    series_.push_back(std::move(series));
    return cells;
}

// After a reload: what was refused may be allowed now.
void MetricsShard::forget_refusals() {
    rows_.clear();
    cells_.clear();
    for (auto const& series : series_) cells_.emplace(series->key, series->cells.get());
}

}  // namespace sluice::observe
