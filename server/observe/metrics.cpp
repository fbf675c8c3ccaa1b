#include "server/observe/metrics.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <utility>

#include "server/observe/page.hpp"
#include "server/observe/process_facts.hpp"
#include "server/observe/provider_families.hpp"

namespace sluice::observe {
namespace {

using Shards = std::vector<std::unique_ptr<MetricsShard>>;

MergedSeries merge(Shards const& shards) {
    MergedSeries out;
    for (auto const& shard : shards) {
        for (auto const* series = shard->first_series(); series; series = series->next) {
            auto& sum = out[series->key];
            sum.resize(family(family_of(series->key)).cells());
            for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += series->cells[i].read();
        }
    }
    return out;
}

template <class Number>
PageSample plain(Number value) {
    return {.labels = {}, .value = static_cast<double>(value)};
}

void add_gauges(std::vector<PageFamily>& out, Shards const& shards) {
    std::int64_t in_flight = 0;
    std::int64_t streams = 0;
    std::array<std::int64_t, 2> connections{};
    for (auto const& shard : shards) {
        in_flight += shard->in_flight();
        streams += shard->streams();
        connections[0] += shard->connections(Side::client);
        connections[1] += shard->connections(Side::upstream);
    }
    out.push_back(
        {.name = "sluice_in_flight_requests", .help = "Requests being worked on.", .samples = {plain(in_flight)}});
    out.push_back(
        {.name = "sluice_open_streams", .help = "Streams being sent to clients.", .samples = {plain(streams)}});
    PageFamily sides{.name = "sluice_connections", .help = "Open connections.", .samples = {}};
    sides.samples.push_back({.labels = {{"side", "client"}}, .value = static_cast<double>(connections[0])});
    sides.samples.push_back({.labels = {{"side", "upstream"}}, .value = static_cast<double>(connections[1])});
    out.push_back(std::move(sides));
}

PageFamily breakers_family(std::vector<BreakerState> const& states) {
    std::map<std::pair<std::string, std::string>, BreakerPhase> worst;
    for (auto const& state : states) {
        auto& phase = worst.try_emplace({state.provider, state.target}, state.phase).first->second;
        phase = std::max(phase, state.phase);
    }
    PageFamily out{.name = "sluice_breaker_state", .help = "0: closed, 1: half open, 2: open.", .samples = {}};
    for (auto const& [target, phase] : worst) {
        out.samples.push_back(
            {.labels = {{"provider", target.first}, {"target", target.second}}, .value = static_cast<double>(phase)});
    }
    return out;
}

PageFamily rates_family(std::vector<RateRemaining> const& rates) {
    PageFamily out{.name = "sluice_provider_rate_remaining",
                   .help = "What the provider last said is left of its limits, all credentials together.",
                   .samples = {}};
    for (auto const& rate : rates) {
        out.samples.push_back({.labels = {{"provider", rate.provider}, {"kind", std::string(rate.kind)}},
                               .value = static_cast<double>(rate.count)});
    }
    return out;
}

PageFamily counter(std::string_view name, std::string_view help, std::uint64_t value) {
    return {.name = name, .help = help, .counter = true, .samples = {plain(value)}};
}

PageFamily info(std::string_view name, std::string_view help, std::vector<PageSample::Label> labels) {
    return {.name = name, .help = help, .samples = {{.labels = std::move(labels), .value = 1}}};
}

void add_memory(std::vector<PageFamily>& out, Metrics::MemoryFacts const& memory) {
    out.push_back({.name = "sluice_memory_used_bytes",
                   .help = "Memory in use, as the guard counts it.",
                   .samples = {plain(memory.used)}});
    out.push_back({.name = "sluice_memory_limit_bytes",
                   .help = "The limit that the guard keeps; 0: none.",
                   .samples = {plain(memory.limit)}});
    out.push_back(
        counter("sluice_memory_refusals_total", "Requests that were refused for want of memory.", memory.refused));
}

void add_idempotency(std::vector<PageFamily>& out, Metrics::IdempotencyFacts const& facts) {
    out.push_back(counter("sluice_idempotent_replays_total",
                          "Requests that were answered with what another one with their Idempotency-Key was answered.",
                          facts.replays));
    out.push_back({.name = "sluice_idempotency_keys",
                   .help = "Requests with an Idempotency-Key that are remembered or under way.",
                   .samples = {plain(facts.names)}});
    out.push_back({.name = "sluice_idempotency_bytes",
                   .help = "What the recorded answers of such requests take.",
                   .samples = {plain(facts.bytes)}});
}

void add_config(std::vector<PageFamily>& out, Metrics::Reload reload, std::string const& hash,
                std::chrono::system_clock::time_point reloaded_at) {
    out.push_back({.name = "sluice_config_last_reload_successful",
                   .help = "Whether the last load of the configuration succeeded.",
                   .samples = {plain(reload == Metrics::Reload::succeeded ? 1 : 0)}});
    out.push_back({.name = "sluice_config_last_reload_timestamp_seconds",
                   .help = "When the configuration was last loaded with success.",
                   .samples = {plain(std::chrono::duration<double>(reloaded_at.time_since_epoch()).count())}});
    out.push_back(info("sluice_config_hash", "The effective configuration's hash; always 1.", {{"hash", hash}}));
}

}  // namespace

Metrics::Metrics(Settings const& settings, unsigned workers, BuildInfo build)
    : settings_(observe_settings(settings)), registry_(settings.telemetry.max_series), build_(std::move(build)) {
    facts_.config_hash = settings.hash;
    for (unsigned i = 0; i < workers; ++i) shards_.push_back(std::make_unique<MetricsShard>(registry_, settings_));
}

Metrics::~Metrics() = default;

void Metrics::set_breaker_source(std::function<std::vector<BreakerState>()> source) {
    std::lock_guard const lock(mutex_);
    facts_.breakers = std::move(source);
}

void Metrics::set_rate_source(std::function<std::vector<RateRemaining>()> source) {
    std::lock_guard const lock(mutex_);
    facts_.rates = std::move(source);
}

void Metrics::set_provider_source(std::function<std::vector<ProviderStatus>()> source) {
    std::lock_guard const lock(mutex_);
    facts_.providers = std::move(source);
}

void Metrics::set_log_dropped_source(std::function<std::uint64_t()> source) {
    std::lock_guard const lock(mutex_);
    facts_.log_dropped = std::move(source);
}

void Metrics::set_memory_source(std::function<MemoryFacts()> source) {
    std::lock_guard const lock(mutex_);
    facts_.memory = std::move(source);
}

void Metrics::set_limit_source(std::function<std::vector<LimitStatus>()> source) {
    std::lock_guard const lock(mutex_);
    facts_.limits = std::move(source);
}

void Metrics::set_ledger_source(std::function<LedgerFacts()> source) {
    std::lock_guard const lock(mutex_);
    facts_.ledger = std::move(source);
}

void Metrics::set_idempotency_source(std::function<IdempotencyFacts()> source) {
    std::lock_guard const lock(mutex_);
    facts_.idempotency = std::move(source);
}

std::int64_t Metrics::answered_calls() const {
    std::int64_t sum = 0;
    for (auto const& shard : shards_) sum += shard->answered_calls();
    return sum;
}

void Metrics::config_reloaded(Reload result, std::string_view hash, std::chrono::system_clock::time_point now) {
    std::lock_guard const lock(mutex_);
    facts_.reload = result;
    if (result == Reload::failed) return;
    facts_.config_hash = hash;
    facts_.reloaded_at = now;
}

void Metrics::configure(Settings const& settings) {
    registry_.set_max_series(settings.telemetry.max_series);
    settings_.publish(observe_settings(settings));
}

std::string Metrics::expose() const {
    Facts facts;
    {
        std::lock_guard const lock(mutex_);
        facts = facts_;
    }
    // Names last: they then cover every series that was merged.
    Page page{.series = merge(shards_), .names = registry_.names(), .others = {}};
    auto& others = page.others;
    add_gauges(others, shards_);
    others.push_back(breakers_family(facts.breakers ? facts.breakers() : std::vector<BreakerState>{}));
    others.push_back(rates_family(facts.rates ? facts.rates() : std::vector<RateRemaining>{}));
    add_providers(others, facts.providers ? facts.providers() : std::vector<ProviderStatus>{});
    others.push_back(counter("sluice_log_dropped_total",
                             "Access log lines that were dropped because the output was too slow or failed.",
                             facts.log_dropped ? facts.log_dropped() : 0));
    others.push_back(counter("sluice_metrics_dropped_series_total",
                             "Label sets that were refused because max_series was reached.",
                             registry_.dropped_series()));
    add_memory(others, facts.memory ? facts.memory() : MemoryFacts{});
    add_idempotency(others, facts.idempotency ? facts.idempotency() : IdempotencyFacts{});
    add_limits(others, facts.limits ? facts.limits() : std::vector<LimitStatus>{});
    add_ledger(others, facts.ledger ? facts.ledger() : LedgerFacts{});
    others.push_back(info("sluice_build_info", "The version that runs; always 1.",
                          {{"version", build_.version}, {"commit", build_.commit}}));
    add_config(others, facts.reload, facts.config_hash, facts.reloaded_at);
    std::ranges::move(process_facts(), std::back_inserter(others));
    return to_text(page, *settings_.read());
}

}  // namespace sluice::observe
