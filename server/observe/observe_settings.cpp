#include "server/observe/observe_settings.hpp"

#include <utility>

namespace sluice::observe {

std::string_view ObserveSettings::flavour_of(std::string_view provider) const {
    auto const found = provider_flavours.find(provider);
    return found == provider_flavours.end() ? provider : std::string_view(found->second);
}

ObserveSettings observe_settings(Settings const& settings) {
    ObserveSettings out{.telemetry = settings.telemetry, .provider_flavours = {}};
    for (auto const& [name, provider] : settings.providers) {
        auto const& known = provider.telemetry_name;
        out.provider_flavours.emplace(name, known.empty() ? provider.dialect : known);
    }
    return out;
}

SettingsCell::SettingsCell(ObserveSettings settings)
    : value_(std::make_shared<ObserveSettings const>(std::move(settings))) {}

void SettingsCell::publish(ObserveSettings settings) {
    auto next = std::make_shared<ObserveSettings const>(std::move(settings));
    std::lock_guard const lock(mutex_);
    value_ = std::move(next);
    generation_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<ObserveSettings const> SettingsCell::read() const {
    std::lock_guard const lock(mutex_);
    return value_;
}

// The generation is read first: a change in between is then seen again, never missed.
SettingsReader::SettingsReader(SettingsCell const& cell) : cell_(cell), seen_(cell.generation()), value_(cell.read()) {}

bool SettingsReader::refresh() {
    auto const now = cell_.generation();
    if (now == seen_) [[likely]]
        return false;
    seen_ = now;
    value_ = cell_.read();
    return true;
}

}  // namespace sluice::observe
