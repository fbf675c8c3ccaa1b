// Plays every routing policy over targets that drift, fail, have heavy tails and limits, in virtual time, beside
// oracles that know the truth of each moment; and `complexity` over requests of which some are hard. Usage:
// routing_simulator [--json] [--seed N] [--seconds N]
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bench/routing/difficulty.hpp"
#include "bench/routing/simulation.hpp"

namespace {

using namespace sluice;
using namespace sluice::routing;

struct Row {
    std::string group;
    std::string name;
    Figures figures;
};

struct DifficultyRow {
    std::string name;
    DifficultyFigures figures;
};

struct Options {
    bool json = false;
    std::uint64_t seed = 1;
    double seconds = 600;
};

constexpr char const* difficulty_group = "difficulty, three strengths";

constexpr std::array<char const*, static_cast<std::size_t>(RoutePolicy::count_)> policy_names{
    "fallback", "cost", "latency", "throughput", "weighted", "least_busy", "usage", "score", "slo", "complexity"};

Scenario base(Options const& options, RoutePolicy policy) {
    Scenario scenario{.name = policy_names[static_cast<std::size_t>(policy)], .targets = six_targets()};
    scenario.route.policy = policy;
    scenario.route.slo = {.first_token = milliseconds(1'200)};
    scenario.duration = options.seconds;
    scenario.seed = options.seed;
    return scenario;
}

class Report {
public:
    explicit Report(Options const& options) : options_(options) {}

    void add(std::string const& group, Scenario const& scenario) {
        rows_.push_back({group, scenario.name, run(scenario)});
        if (!options_.json) print(rows_.back());
    }

    void add(DifficultyScenario const& scenario) {
        difficulty_rows_.push_back({scenario.name, run(scenario)});
        if (!options_.json) print(difficulty_rows_.back());
    }

    void print_json() const {
        std::printf("{\"seed\":%llu,\"seconds\":%.0f,\"rows\":[", static_cast<unsigned long long>(options_.seed),
                    options_.seconds);
        for (std::size_t i = 0; i < rows_.size(); ++i) print_json(rows_[i], i == 0 ? "\n" : ",\n");
        for (auto const& row : difficulty_rows_) print_json(row);
        std::printf("\n]}\n");
    }

private:
    void print(Row const& row) {
        if (row.group != group_) {
            group_ = row.group;
            std::printf("\n%-34s %9s %8s %8s %8s %8s %9s %8s %8s %8s %7s %7s\n", group_.c_str(), "requests", "mean s",
                        "p50 s", "p95 s", "p99 s", "micro-$", "failed %", "tries", "in slo %", "hedge %", "cache %");
        }
        auto const& f = row.figures;
        auto const requests = static_cast<double>(f.requests);
        std::printf("%-34s %9llu %8.3f %8.3f %8.3f %8.3f %9.1f %8.3f %8.3f %8.2f %7.2f %7.2f\n", row.name.c_str(),
                    static_cast<unsigned long long>(f.requests), f.mean_latency, f.p50, f.p95, f.p99, f.cost,
                    100 * static_cast<double>(f.failures) / requests, static_cast<double>(f.attempts) / requests,
                    100 * f.within_slo, 100 * static_cast<double>(f.hedges) / requests, 100 * f.cached_share);
        std::fflush(stdout);
    }

    void print(DifficultyRow const& row) {
        if (group_ != difficulty_group) {
            group_ = difficulty_group;
            std::printf("\n%-34s %9s %8s %9s %8s %8s %12s\n", group_.c_str(), "requests", "mean s", "micro-$", "miss %",
                        "failed %", "classifier $");
        }
        auto const& f = row.figures;
        auto const requests = static_cast<double>(f.requests);
        std::printf("%-34s %9llu %8.3f %9.1f %8.2f %8.3f %12.1f\n", row.name.c_str(),
                    static_cast<unsigned long long>(f.requests), f.mean_latency, f.cost,
                    100 * static_cast<double>(f.misses) / requests, 100 * static_cast<double>(f.failures) / requests,
                    f.classifier_cost);
        std::fflush(stdout);
    }

    static void print_json(DifficultyRow const& row) {
        auto const& f = row.figures;
        std::printf(
            ",\n{\"group\":\"%s\",\"name\":\"%s\",\"requests\":%llu,\"failures\":%llu,\"misses\":%llu,"
            "\"mean\":%.4f,\"cost\":%.2f,\"classifier_cost\":%.2f}",
            difficulty_group, row.name.c_str(), static_cast<unsigned long long>(f.requests),
            static_cast<unsigned long long>(f.failures), static_cast<unsigned long long>(f.misses), f.mean_latency,
            f.cost, f.classifier_cost);
    }

    static void print_json(Row const& row, char const* before) {
        auto const& f = row.figures;
        std::printf(
            "%s{\"group\":\"%s\",\"name\":\"%s\",\"requests\":%llu,\"failures\":%llu,\"attempts\":%llu,"
            "\"hedges\":%llu,\"mean\":%.4f,\"p50\":%.4f,\"p95\":%.4f,\"p99\":%.4f,\"cost\":%.2f,"
            "\"hedge_cost\":%.3f,\"input_cost\":%.2f,\"cached\":%.4f,\"within_slo\":%.4f}",
            before, row.group.c_str(), row.name.c_str(), static_cast<unsigned long long>(f.requests),
            static_cast<unsigned long long>(f.failures), static_cast<unsigned long long>(f.attempts),
            static_cast<unsigned long long>(f.hedges), f.mean_latency, f.p50, f.p95, f.p99, f.cost, f.hedge_cost,
            f.input_cost, f.cached_share, f.within_slo);
    }

    Options options_;
    std::vector<Row> rows_;
    std::vector<DifficultyRow> difficulty_rows_;
    std::string group_;
};

/// Every policy, and three that know the truth.
void policies(Report& report, Options const& options) {
    for (std::size_t i = 0; i < policy_names.size(); ++i) {
        auto const policy = static_cast<RoutePolicy>(i);
        if (policy != RoutePolicy::complexity) report.add("policy", base(options, policy));  // see difficulty()
    }
    struct Oracle {
        char const* name;
        Chooser chooser;
    };
    for (auto const& [name, chooser] : {Oracle{"oracle: latency", Chooser::oracle_latency},
                                        {"oracle: cost", Chooser::oracle_cost},
                                        {"oracle: slo", Chooser::oracle_slo}}) {
        auto scenario = base(options, RoutePolicy::slo);
        scenario.name = name;
        scenario.chooser = chooser;
        report.add("policy", scenario);
    }
}

/// 15 % of all requests fail everywhere, for a minute: how much more does the provider of all targets get?
void brown_out(Report& report, Options const& options) {
    for (bool const budget : {true, false}) {
        auto scenario = base(options, RoutePolicy::weighted);
        scenario.name = budget ? "retry budget 10 %" : "no retry budget";
        scenario.retry_budget = budget;
        scenario.one_provider = true;
        scenario.duration = 180;
        for (auto& target : scenario.targets) {
            target.outages = {{.from = 60, .to = 120, .failing = 0.15}};
            target.requests_per_second = 0;
        }
        scenario.count_from = 60;
        scenario.count_to = 120;
        report.add("brown-out, 15 % fail everywhere", scenario);
    }
}

void hedging(Report& report, Options const& options) {
    for (auto const policy : {RoutePolicy::fallback, RoutePolicy::latency}) {
        for (unsigned const percent : {0U, 5U, 10U}) {
            auto scenario = base(options, policy);
            auto const heavy = scenario.targets[4];
            scenario.targets = {heavy, scenario.targets[0], scenario.targets[1]};
            if (percent > 0) scenario.name += ", hedged, at most " + std::to_string(percent) + " %";
            scenario.hedge = percent > 0;
            scenario.hedge_percent = percent;
            scenario.duration = std::min(options.seconds, 300.0);
            report.add("hedging, heavy tail first", scenario);
        }
    }
}

void affinity(Report& report, Options const& options) {
    for (auto const policy : {RoutePolicy::weighted, RoutePolicy::latency, RoutePolicy::cost}) {
        for (bool const on : {false, true}) {
            auto scenario = base(options, policy);
            scenario.name += on ? ", affinity" : "";
            scenario.affinity = on;
            scenario.duration = std::min(options.seconds, 300.0);
            report.add("affinity, sessions of eight turns", scenario);
        }
    }
}

/// Requests of which some are hard, to targets of which some are too weak for them.
void difficulty(Report& report, Options const& options) {
    auto add = [&](DifficultyScenario scenario) {
        scenario.requests = static_cast<std::uint64_t>(options.seconds * 1'000);
        scenario.seed = options.seed;
        report.add(scenario);
    };
    auto add_complexity = [&](std::string const& name, Judge judge, unsigned low, unsigned high, double error = 0) {
        auto const thresholds = ", " + std::to_string(low) + " and " + std::to_string(high);
        add({.name = judge == Judge::oracle ? name : name + thresholds,
             .route = {.policy = RoutePolicy::complexity, .thresholds = {low, high}},
             .judge = judge,
             .classifier_error = error});
    };
    add({.name = "always the cheapest", .route = {.policy = RoutePolicy::cost}});
    add({.name = "always the middle one", .route = {.members = {{.index = 1}, {.index = 2}, {.index = 0}}}});
    add({.name = "always the strongest", .route = {.members = {{.index = 2}, {.index = 1}, {.index = 0}}}});
    add({.name = "drawn evenly", .route = {.policy = RoutePolicy::weighted}});
    add_complexity("facts", Judge::facts, 33, 66);
    add_complexity("facts", Judge::facts, 20, 40);
    add_complexity("facts", Judge::facts, 10, 60);
    for (unsigned const error : {10U, 20U}) {
        auto const name = "classifier, error " + std::to_string(error);
        add_complexity(name, Judge::classifier, 33, 66, error);
        add_complexity(name, Judge::classifier, 20, 50, error);
    }
    add_complexity("oracle", Judge::oracle, 40, 70);
}

bool read_options(int argc, char** argv, Options& options) {
    for (int i = 1; i < argc; ++i) {
        std::string_view const name = argv[i];
        if (name == "--json") {
            options.json = true;
        } else if (name == "--seed" && i + 1 < argc) {
            options.seed = std::strtoull(argv[++i], nullptr, 10);
        } else if (name == "--seconds" && i + 1 < argc) {
            options.seconds = std::strtod(argv[++i], nullptr);
        } else {
            return false;
        }
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    if (!read_options(argc, argv, options)) {
        std::fputs("usage: routing_simulator [--json] [--seed N] [--seconds N]\n", stderr);
        return 64;
    }
    Report report(options);
    policies(report, options);
    brown_out(report, options);
    hedging(report, options);
    affinity(report, options);
    difficulty(report, options);
    if (options.json) report.print_json();
    return 0;
}
