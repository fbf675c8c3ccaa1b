#pragma once
#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "server/lab/options.hpp"

namespace sluice::lab {

/// Where the options of one request come from. Later members win.
struct Selection {
    std::string_view model;
    std::string_view path_scenario;   ///< from /with/<name>/v1/...
    std::string_view body_options;    ///< JSON, may be empty
    std::string_view header_options;  ///< JSON, may be empty
};

struct SelectionError {
    unsigned status;
    std::string message;
};

/// The named scenarios, and the outage that may lie over them at the moment. Thread: any.
class Scenarios {
public:
    /// The built-in scenarios, and those of `file` over them if it isn't empty. Every scenario is checked here.
    static std::expected<std::unique_ptr<Scenarios>, std::string> load(std::string const& file);
    ~Scenarios();

    /// Errors: 404 for a model that is no scenario, when nothing else names one; 400 for bad options.
    std::expected<std::shared_ptr<Options const>, SelectionError> resolve(Selection const& selection) const;

    /// `{"scenario": name, "options": {...}, "models": [...]}`, or a list of such; an empty object ends the outage.
    std::expected<void, std::string> set_outage(nlohmann::json const& outage);
    /// Changes with every set_outage, so that a cache of resolved options knows when it is stale.
    std::uint64_t version() const { return version_.load(std::memory_order_relaxed); }

    std::vector<std::string> names() const;
    nlohmann::json const& listener() const;

private:
    struct State;
    explicit Scenarios(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
    mutable std::mutex mutex_;  ///< guards the outage in the state
    std::atomic<std::uint64_t> version_{1};
};

}  // namespace sluice::lab
