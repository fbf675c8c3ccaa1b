#include "server/observe/provider_families.hpp"

#include <string>
#include <utility>

namespace sluice::observe {

void add_providers(std::vector<PageFamily>& out, std::vector<ProviderStatus> const& providers) {
    PageFamily waiting{
        .name = "sluice_queue_waiting", .help = "Requests that wait for a place at a full provider.", .samples = {}};
    PageFamily waits{.name = "sluice_queue_waits_total",
                     .help = "Waits for a place at a full provider by how they ended.",
                     .counter = true,
                     .samples = {}};
    PageFamily healthy{
        .name = "sluice_provider_healthy", .help = "Whether our own probes find the provider up.", .samples = {}};
    for (auto const& row : providers) {
        waiting.samples.push_back({.labels = {{"provider", row.provider}}, .value = static_cast<double>(row.waiting)});
        for (std::size_t i = 0; i < row.waits.size(); ++i) {
            if (row.waits[i] == 0) continue;
            std::string outcome(to_string(static_cast<InFlight::WaitEnd>(i)));
            waits.samples.push_back({.labels = {{"provider", row.provider}, {"outcome", std::move(outcome)}},
                                     .value = static_cast<double>(row.waits[i])});
        }
        if (row.healthy) {
            healthy.samples.push_back({.labels = {{"provider", row.provider}}, .value = *row.healthy ? 1.0 : 0.0});
        }
    }
    out.push_back(std::move(waiting));
    out.push_back(std::move(waits));
    out.push_back(std::move(healthy));
}

}  // namespace sluice::observe
