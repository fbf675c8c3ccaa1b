#include "core/pipeline/snapshot.hpp"

#include <algorithm>
#include <cassert>

namespace sluice {
namespace {

std::vector<std::string> names_of(std::vector<ModelSettings> const& models) {
    std::vector<std::string> names;
    names.reserve(models.size());
    for (auto const& model : models) names.push_back(model.name);
    return names;
}

std::unordered_map<std::string_view, PriceSheet const*> prices_at(std::string const& provider,
                                                                  std::map<std::string, PriceSheet> const& all) {
    auto const prefix = provider + "/";
    std::unordered_map<std::string_view, PriceSheet const*> prices;
    for (auto at = all.lower_bound(prefix); at != all.end() && at->first.starts_with(prefix); ++at) {
        prices.emplace(std::string_view(at->first).substr(prefix.size()), &at->second);
    }
    return prices;
}

PriceSheet const* find_price(ProviderRuntime const& provider, std::string_view model) {
    auto const found = provider.prices.find(model);
    return found == provider.prices.end() ? nullptr : found->second;
}

TimeoutSettings merged(TimeoutSettings const& model, TimeoutSettings const& provider) {
    auto timeout = model;
    timeout.connect = provider.connect;
    timeout.tls = provider.tls;
    return timeout;
}

}  // namespace

Snapshot::Snapshot(Settings settings) : settings_(std::move(settings)), index_(names_of(settings_.models)) {}

std::shared_ptr<Snapshot const> Snapshot::make(Settings settings, HealthRegistry& health, LimitBook* limits) {
    std::shared_ptr<Snapshot> snapshot(new Snapshot(std::move(settings)));  // the constructor is private
    for (auto const& [name, provider] : snapshot->settings_.providers) {
        snapshot->providers_.emplace(name,
                                     ProviderRuntime{.settings = &provider,
                                                     .credentials = health.credentials(name, provider.credentials),
                                                     .in_flight = health.in_flight(name),
                                                     .health = health.provider(name),
                                                     .prices = prices_at(name, snapshot->settings_.prices)});
        auto& names = snapshot->forwarded_headers_;
        names.insert(names.end(), provider.forward_headers.begin(), provider.forward_headers.end());
    }
    std::ranges::sort(snapshot->forwarded_headers_);
    auto const [first, last] = std::ranges::unique(snapshot->forwarded_headers_);
    snapshot->forwarded_headers_.erase(first, last);
    for (auto const& model : snapshot->settings_.models) {
        ModelRuntime runtime{.settings = &model, .targets = {}, .extra_targets = {}};
        runtime.targets.reserve(model.targets.size());
        for (auto const& target : model.targets) runtime.targets.push_back(snapshot->resolve(target, model, health));
        for (auto const& target : model.extra_targets) {
            runtime.extra_targets.push_back(snapshot->resolve(target, model, health));
        }
        if (model.classifier) runtime.classifier = snapshot->resolve_classifier(*model.classifier, model, health);
        snapshot->models_.push_back(std::move(runtime));
    }
    if (limits != nullptr) snapshot->find_accounts(*limits);
    snapshot->sessions_ = health.sessions();
    snapshot->hedges_ = health.hedges();
    return snapshot;
}

void Snapshot::find_accounts(LimitBook& limits) {
    auto const add = [&limits](LimitAccounts& accounts, PayerKind kind, std::string const& name) {
        if (auto account = limits.find({kind, name})) accounts.push_back(std::move(account));
    };
    auto const add_targets = [&add](TargetRuntime& target) {
        add(target.accounts, PayerKind::target, target.name);
        add(target.accounts, PayerKind::provider, target.provider->settings->name);
    };
    for (auto& model : models_) {
        add(model.accounts, PayerKind::model, model.settings->name);
        std::ranges::for_each(model.targets, add_targets);
        std::ranges::for_each(model.extra_targets, add_targets);
        if (model.classifier) add_targets(*model.classifier);
    }
}

TargetRuntime Snapshot::resolve(TargetSettings const& target, ModelSettings const& model,
                                HealthRegistry& health) const {
    auto const* const provider = find_provider(target.provider);
    assert(provider != nullptr);
    return {.provider = provider,
            .model = target.model,
            .name = target.provider + "/" + target.model,
            .traits = &target.traits,
            .price = find_price(*provider, target.model),
            .timeout = merged(model.timeout, provider->settings->timeout),
            .health = health.target(target.provider, target.model, model.breaker)};
}

/// Too slow for a classifier is not too slow for an answer: the same target elsewhere has another breaker.
TargetRuntime Snapshot::resolve_classifier(ClassifierSettings const& classifier, ModelSettings const& model,
                                           HealthRegistry& health) const {
    auto runtime = resolve(classifier.target, model, health);
    runtime.health = health.target(classifier.target.provider, runtime.model + " (classifier)", model.breaker);
    return runtime;
}

std::optional<Snapshot::Match> Snapshot::find_model(std::string_view name) const {
    auto const found = index_.find(name);
    if (!found) return std::nullopt;
    return Match{&models_[found->position], found->star};
}

ProviderRuntime const* Snapshot::find_provider(std::string_view name) const {
    auto const found = providers_.find(name);
    return found == providers_.end() ? nullptr : &found->second;
}

PriceSheet const* Snapshot::price_of(TargetRuntime const& target, std::string_view target_model) const {
    if (target.price || target.model == target_model) return target.price;
    return find_price(*target.provider, target_model);
}

bool allows_model(std::vector<std::string> const& allowed, std::string_view name) {
    auto matches = [name](std::string const& pattern) { return match_wildcard(pattern, name).has_value(); };
    return allowed.empty() || std::any_of(allowed.begin(), allowed.end(), matches);
}

}  // namespace sluice
