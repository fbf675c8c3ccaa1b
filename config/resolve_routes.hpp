#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/reader.hpp"
#include "core/types/settings.hpp"

namespace sluice::config {

/// Makes targets and routes of what models say. A text without a slash, or one that is another model's name, is that
/// model's route. One for all models: it remembers what it has looked up.
class RouteBuilder {
public:
    RouteBuilder(Draft const& draft, Settings const& settings, Reader& reader);

    /// Fills `targets`, `routes`, `extra_targets` and what points into those.
    void build(ModelDraft const& model, ModelSettings& into);

private:
    static constexpr std::size_t most_targets = 64;
    static constexpr std::size_t most_routes = 64;
    static constexpr std::size_t deepest = 16;

    std::size_t add_route(ModelDraft const& model);
    void add_members(ModelDraft const& model, std::vector<TargetDraft> const& texts, std::string const& key,
                     std::size_t route);
    void add_member(std::size_t route, RouteMember member, std::string const& path);
    ModelDraft const* referenced(ModelDraft const& model, std::string const& text) const;
    std::optional<std::size_t> follow(ModelDraft const& other, Position const& at);
    void report_circle(std::vector<ModelDraft const*>::const_iterator loop, Position const& at);
    void complain(Position const& at, std::string message);
    std::optional<TargetSettings> parse(ModelDraft const& model, TargetDraft const& draft, std::string const& path);
    std::optional<std::size_t> add_target(ModelDraft const& model, TargetDraft const& draft, std::string const& path);
    TargetTraits const& facts_of(ProviderSettings const& provider, std::string const& model);

    std::vector<std::size_t> special(ModelDraft const& model, std::vector<TargetDraft> const& texts,
                                     std::string const& key, ModelSettings& into);
    void add_classifier(ModelSettings& into);
    void add_mirror(ModelDraft const& model, ModelSettings& into);
    void check_route(ModelDraft const& model);
    void check_weights(ModelDraft const& model, std::vector<TargetDraft> const& texts, std::string const& key);

    Settings const& settings_;
    Reader& reader_;
    std::vector<std::string> models_;
    std::unordered_map<std::string, ModelDraft const*> by_name_;
    std::vector<std::string> providers_;
    std::unordered_map<std::string, TargetTraits> facts_;  ///< by "provider/model"

    ModelDraft const* root_ = nullptr;
    std::vector<TargetSettings> targets_;
    std::vector<RouteSettings> routes_;
    std::unordered_map<ModelDraft const*, std::size_t> known_routes_;
    std::vector<ModelDraft const*> path_;
    bool gave_up_ = false;
    bool reports_circles_ = true;
};

}  // namespace sluice::config
