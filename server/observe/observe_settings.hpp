#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/types/settings.hpp"

namespace sluice::observe {

/// What the configuration means for metrics and logs.
struct ObserveSettings {
    TelemetrySettings telemetry;
    std::map<std::string, std::string, std::less<>> provider_flavours;  ///< configured name -> gen_ai.provider.name

    /// The API that `provider` speaks, as OpenTelemetry calls it; the configured name itself when it isn't known.
    std::string_view flavour_of(std::string_view provider) const;
};

ObserveSettings observe_settings(Settings const& settings);

/// The current settings. Any thread may publish and read; readers on the request path keep a SettingsReader.
class SettingsCell {
public:
    explicit SettingsCell(ObserveSettings settings);
    void publish(ObserveSettings settings);
    std::shared_ptr<ObserveSettings const> read() const;
    std::uint32_t generation() const { return generation_.load(std::memory_order_acquire); }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<ObserveSettings const> value_;  // shared: readers keep theirs while a reload publishes the next
    std::atomic<std::uint32_t> generation_{0};
};

/// One thread's copy: costs one atomic load per look unless a reload has happened since.
class SettingsReader {
public:
    explicit SettingsReader(SettingsCell const& cell);
    /// True when the settings have changed since the last call.
    bool refresh();
    ObserveSettings const& operator*() const { return *value_; }
    ObserveSettings const* operator->() const { return value_.get(); }

private:
    SettingsCell const& cell_;
    std::uint32_t seen_;
    std::shared_ptr<ObserveSettings const> value_;
};

}  // namespace sluice::observe
