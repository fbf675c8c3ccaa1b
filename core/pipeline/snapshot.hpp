#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/pipeline/health.hpp"
#include "core/pipeline/limit_book.hpp"
#include "core/policy/model_index.hpp"
#include "core/policy/planner.hpp"
#include "core/types/money.hpp"
#include "core/types/settings.hpp"

namespace sluice {

/// A provider at run time.
struct ProviderRuntime {
    ProviderSettings const* settings = nullptr;
    std::shared_ptr<CredentialHealth> credentials;
    std::shared_ptr<InFlight> in_flight;
    std::shared_ptr<ProviderHealth> health;
    std::unordered_map<std::string_view, PriceSheet const*>
        prices;  ///< of its models, by upstream id; parts of the settings
};

/// One target of a model, resolved.
struct TargetRuntime {
    ProviderRuntime const* provider = nullptr;
    std::string model;                     ///< upstream id, as configured; may hold a star
    std::string name;                      ///< "provider/model"
    TargetTraits const* traits = nullptr;  ///< part of the settings
    PriceSheet const* price = nullptr;     ///< of a model without a star; part of the settings
    TimeoutSettings timeout;               ///< connect and tls are the provider's, the rest the model's
    std::shared_ptr<TargetHealth> health;
    LimitAccounts accounts{};  ///< its own and its provider's; most have none
};

struct ModelRuntime {
    ModelSettings const* settings = nullptr;
    std::vector<TargetRuntime> targets;
    std::vector<TargetRuntime> extra_targets;                          ///< as in the settings
    std::optional<TargetRuntime> classifier{};                         ///< its health is its own
    std::shared_ptr<InFlight> mirrors = std::make_shared<InFlight>();  ///< copies under way
    LimitAccounts accounts{};
};

/// One configuration as the request path sees it: immutable, shared by all workers; a request keeps the one it began
/// with. Health is shared with the snapshots before and after it.
class Snapshot : public std::enable_shared_from_this<Snapshot> {
public:
    /// `settings` must be valid (every target's provider exists; policies that are unknown count as "fallback").
    /// `limits`: where accounts are found; null: there are none.
    static std::shared_ptr<Snapshot const> make(Settings settings, HealthRegistry& health, LimitBook* limits = nullptr);

    Snapshot(Snapshot const&) = delete;
    Snapshot& operator=(Snapshot const&) = delete;

    Settings const& settings() const { return settings_; }

    struct Match {
        ModelRuntime const* model = nullptr;
        std::string_view star;  ///< what the model's star stands for; part of the name asked for
    };
    /// The model that serves `name`: exact, else the best pattern.
    std::optional<Match> find_model(std::string_view name) const;

    ProviderRuntime const* find_provider(std::string_view name) const;
    std::map<std::string, ProviderRuntime, std::less<>> const& providers() const { return providers_; }

    /// The price of `target` when it was asked for as `target_model`; null: unknown. Lives as long as the snapshot.
    PriceSheet const* price_of(TargetRuntime const& target, std::string_view target_model) const;

    std::vector<ModelRuntime> const& models() const { return models_; }

    /// Names, lower case, of the clients' headers that some provider takes.
    std::vector<std::string> const& forwarded_headers() const { return forwarded_headers_; }

    SessionTable& sessions() const { return *sessions_; }
    HedgeBudget& hedges() const { return *hedges_; }

private:
    explicit Snapshot(Settings settings);
    void find_accounts(LimitBook& limits);
    TargetRuntime resolve(TargetSettings const& target, ModelSettings const& model, HealthRegistry& health) const;
    TargetRuntime resolve_classifier(ClassifierSettings const& classifier, ModelSettings const& model,
                                     HealthRegistry& health) const;

    Settings const settings_;
    std::map<std::string, ProviderRuntime, std::less<>> providers_;
    std::vector<ModelRuntime> models_;
    ModelIndex index_;
    std::vector<std::string> forwarded_headers_;
    std::shared_ptr<SessionTable> sessions_;
    std::shared_ptr<HedgeBudget> hedges_;
};

/// May a caller with this list of model names and patterns (empty: all) use `name`?
bool allows_model(std::vector<std::string> const& allowed, std::string_view name);

}  // namespace sluice
