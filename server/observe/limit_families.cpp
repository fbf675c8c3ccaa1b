#include "server/observe/limit_families.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/pipeline/limit_error.hpp"

namespace sluice::observe {
namespace {

std::vector<PageSample::Label> labels_of(LimitStatus const& status) {
    return {{"scope", std::string(to_text(status.payer.kind))},
            {"name", status.payer.name},
            {"limit", to_text(status.limit)}};
}

}  // namespace

void add_limits(std::vector<PageFamily>& out, std::vector<LimitStatus> const& limits) {
    constexpr double nano = 1e-9;
    PageFamily most{.name = "sluice_budget_limit_usd", .help = "What may be spent in the window.", .samples = {}};
    PageFamily spent{.name = "sluice_budget_spent_usd", .help = "What was spent in the window.", .samples = {}};
    PageFamily held{
        .name = "sluice_budget_reserved_usd", .help = "What requests under way may cost at most.", .samples = {}};
    PageFamily left{.name = "sluice_budget_remaining_ratio",
                    .help = "The share of the window's budget that is neither spent nor reserved.",
                    .samples = {}};
    PageFamily rates{.name = "sluice_limit_remaining_ratio",
                     .help = "The share of a limit on requests, tokens or requests at a time that is left.",
                     .samples = {}};
    for (auto const& status : limits) {
        if (status.payer.kind == PayerKind::user || status.limit.most <= 0) continue;
        auto const labels = labels_of(status);
        auto const free = std::max<std::int64_t>(status.limit.most - status.settled - status.reserved, 0);
        auto const ratio = static_cast<double>(free) / static_cast<double>(status.limit.most);
        if (status.limit.of != Resource::money) {
            rates.samples.push_back({.labels = labels, .value = ratio});
            continue;
        }
        most.samples.push_back({.labels = labels, .value = static_cast<double>(status.limit.most) * nano});
        spent.samples.push_back({.labels = labels, .value = static_cast<double>(status.settled) * nano});
        held.samples.push_back({.labels = labels, .value = static_cast<double>(status.reserved) * nano});
        left.samples.push_back({.labels = labels, .value = ratio});
    }
    for (auto* const family : {&most, &spent, &held, &left, &rates}) out.push_back(std::move(*family));
}

void add_ledger(std::vector<PageFamily>& out, LedgerFacts const& ledger) {
    auto const add = [&out](std::string_view name, std::string_view help, bool counter, std::uint64_t value) {
        out.push_back({.name = name,
                       .help = help,
                       .counter = counter,
                       .samples = {{.labels = {}, .value = static_cast<double>(value)}}});
    };
    add("sluice_ledger_up", "Whether the ledger works: its journal and its store took what they were last given.",
        false, ledger.works ? 1 : 0);
    add("sluice_ledger_waiting_lines", "Lines that are not written yet.", false, ledger.waiting);
    add("sluice_ledger_lines_total", "Lines written.", true, ledger.written);
    add("sluice_ledger_failures_total", "Writes that the store refused.", true, ledger.failures);
    add("sluice_ledger_missing_total", "Calls that were served without a line in the ledger; should be 0.", true,
        ledger.missing);
    PageFamily sharing{.name = "sluice_limits_sharing",
                       .help = "How limits are shared with other replicas now; 1 for the state that it is.",
                       .samples = {}};
    for (std::string_view const state : {"starting", "shared", "closed", "alone"}) {
        if (!ledger.sharing) break;
        sharing.samples.push_back(
            {.labels = {{"state", std::string(state)}}, .value = *ledger.sharing == state ? 1.0 : 0.0});
    }
    out.push_back(std::move(sharing));
}

}  // namespace sluice::observe
