#include "server/observe/page.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <sstream>
#include <utility>

namespace sluice::observe {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

bool about_keys(FamilyId id) {
    return id == FamilyId::key_requests || id == FamilyId::key_tokens || id == FamilyId::key_cost;
}

std::vector<ClientMetric::Label> labels_of(SeriesKey key, Page const& page, ObserveSettings const& settings) {
    std::vector<ClientMetric::Label> out;
    auto const& names = family(family_of(key)).labels;
    for (std::size_t i = 0; i < names.size(); ++i) {
        auto const id = static_cast<std::size_t>(label_of(key, i));
        if (names[i].empty() || id == 0) continue;
        std::string const& value = page.names[id];
        if (names[i] == "sluice_provider") {
            out.push_back({"gen_ai_provider_name", std::string(settings.flavour_of(value))});
        }
        out.push_back({std::string(names[i]), value});
    }
    return out;
}

ClientMetric::Histogram histogram_of(Family const& family, std::vector<std::uint64_t> const& cells) {
    ClientMetric::Histogram out;
    for (std::size_t i = 0; i <= family.edges.size(); ++i) {
        out.sample_count += cells[i];
        auto const edge = i < family.edges.size() ? static_cast<double>(family.edges[i]) / family.per_unit
                                                  : std::numeric_limits<double>::infinity();
        out.bucket.push_back({.cumulative_count = out.sample_count, .upper_bound = edge});
    }
    out.sample_sum = static_cast<double>(cells.back()) / family.per_unit;
    return out;
}

MetricFamily exposed(Family const& family, Page const& page, ObserveSettings const& settings) {
    bool const counter = family.kind == FamilyKind::counter;
    MetricFamily out{.name = std::string(family.name),
                     .help = std::string(family.help),
                     .type = counter ? MetricType::Counter : MetricType::Histogram,
                     .metric = {}};
    auto const end = page.series.lower_bound((static_cast<SeriesKey>(family.id) + 1) << 56U);
    for (auto it = page.series.lower_bound(static_cast<SeriesKey>(family.id) << 56U); it != end; ++it) {
        ClientMetric metric;
        metric.label = labels_of(it->first, page, settings);
        if (counter) {
            metric.counter.value = static_cast<double>(it->second.front()) / family.per_unit;
        } else {
            metric.histogram = histogram_of(family, it->second);
        }
        out.metric.push_back(std::move(metric));
    }
    return out;
}

MetricFamily exposed(PageFamily const& family) {
    MetricFamily out{.name = std::string(family.name),
                     .help = std::string(family.help),
                     .type = family.counter ? MetricType::Counter : MetricType::Gauge,
                     .metric = {}};
    for (auto const& sample : family.samples) {
        ClientMetric metric;
        for (auto const& label : sample.labels) metric.label.push_back({label.name, label.value});
        (family.counter ? metric.counter.value : metric.gauge.value) = sample.value;
        out.metric.push_back(std::move(metric));
    }
    return out;
}

}  // namespace

std::string to_text(Page const& page, ObserveSettings const& settings) {
    std::vector<MetricFamily> families;
    for (auto const& family : all_families()) {
        if (about_keys(family.id) && !settings.telemetry.key_labels) continue;
        families.push_back(exposed(family, page, settings));
    }
    for (auto const& other : page.others) families.push_back(exposed(other));
    std::ostringstream out;
    prometheus::TextSerializer{}.Serialize(out, families);
    return std::move(out).str();
}

}  // namespace sluice::observe
