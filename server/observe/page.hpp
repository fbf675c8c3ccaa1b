#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/observe/observe_settings.hpp"
#include "server/observe/series.hpp"

namespace sluice::observe {

/// A number that is made when the page is: a gauge or a counter with any labels.
struct PageSample {
    struct Label {
        std::string name;
        std::string value;
    };
    std::vector<Label> labels;
    double value = 0;
};

struct PageFamily {
    std::string_view name;
    std::string_view help;
    bool counter = false;  ///< else a gauge
    std::vector<PageSample> samples;
};

/// All shards' series added up. Ordered: families as in the table, label values as they were first seen.
using MergedSeries = std::map<SeriesKey, std::vector<std::uint64_t>>;

/// Everything the page shows.
struct Page {
    MergedSeries series;
    std::vector<std::string> names;  ///< by NameId
    std::vector<PageFamily> others;
};

/// The Prometheus text format.
std::string to_text(Page const& page, ObserveSettings const& settings);

}  // namespace sluice::observe
