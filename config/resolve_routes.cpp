#include "config/resolve_routes.hpp"

#include <algorithm>

#include "config/target_traits.hpp"
#include "config/text.hpp"

namespace sluice::config {
namespace {

std::string item(ModelDraft const& model, std::string_view key, std::size_t i) {
    return "models." + model.settings.name + "." + std::string(key) + "[" + std::to_string(i) + "]";
}

/// Where `target` stands among `targets`, whatever is known about it.
std::optional<std::size_t> position_in(std::vector<TargetSettings> const& targets, TargetSettings const& target) {
    auto const found = std::ranges::find_if(targets, [&target](TargetSettings const& each) {
        return each.provider == target.provider && each.model == target.model;
    });
    if (found == targets.end()) return std::nullopt;
    return static_cast<std::size_t>(found - targets.begin());
}

/// One fewer than there are members, evenly spaced.
std::vector<unsigned> even_thresholds(std::size_t members) {
    std::vector<unsigned> made;
    for (std::size_t i = 1; i < members; ++i) made.push_back(static_cast<unsigned>(100 * i / members));
    return made;
}

}  // namespace

RouteBuilder::RouteBuilder(Draft const& draft, Settings const& settings, Reader& reader)
    : settings_(settings), reader_(reader) {
    for (ModelDraft const& model : draft.models) {
        models_.push_back(model.settings.name);
        by_name_.emplace(model.settings.name, &model);
    }
    for (auto const& [name, provider] : settings.providers) providers_.push_back(name);
}

void RouteBuilder::build(ModelDraft const& model, ModelSettings& into) {
    targets_.clear();
    routes_.clear();
    known_routes_.clear();
    path_.clear();
    root_ = &model;
    add_route(model);
    check_route(model);
    for (RouteSettings& route : routes_) {
        bool const is_unsaid = route.policy == RoutePolicy::complexity && route.thresholds.empty();
        if (is_unsaid) route.thresholds = even_thresholds(route.members.size());
    }
    add_classifier(into);
    into.targets = std::move(targets_);
    into.routes = std::move(routes_);
    into.on_context_length = special(model, model.on_context_length, "fallbacks_on.context_length", into);
    into.on_content_filter = special(model, model.on_content_filter, "fallbacks_on.content_filter", into);
    add_mirror(model, into);
}

/// `fallback` takes fallbacks as its last members; any other policy becomes the first member of a `fallback` with them.
std::size_t RouteBuilder::add_route(ModelDraft const& model) {
    path_.push_back(&model);
    std::size_t const index = routes_.size();
    known_routes_[&model] = index;
    RouteSettings own = model.route.settings;
    own.name = model.settings.name;
    std::size_t main = index;
    bool const has_two_levels = own.policy != RoutePolicy::fallback && !model.fallbacks.empty();
    if (has_two_levels) {
        routes_.push_back({.name = own.name});
        main = index + 1;
        routes_[index].members.push_back({.index = main, .is_route = true});
    }
    routes_.push_back(std::move(own));
    add_members(model, model.targets, "targets", main);
    std::size_t const first = routes_[index].members.size();
    unsigned behind = 0;  // fallbacks stay last, whatever the targets' priorities are
    for (RouteMember const& member : routes_[index].members) behind = std::max(behind, member.priority);
    add_members(model, model.fallbacks, "fallbacks", index);
    for (std::size_t i = first; behind > 0 && i < routes_[index].members.size(); ++i)
        routes_[index].members[i].priority += behind + 1;
    path_.pop_back();
    return index;
}

void RouteBuilder::add_members(ModelDraft const& model, std::vector<TargetDraft> const& texts, std::string const& key,
                               std::size_t route) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
        TargetDraft const& draft = texts[i];
        if (!draft.to) continue;  // said already
        std::string const path = item(model, key, i);
        RouteMember member{.weight = draft.weight, .priority = draft.priority};
        std::optional<std::size_t> index;
        if (ModelDraft const* other = referenced(model, *draft.to)) {
            member.is_route = true;
            index = follow(*other, reader_.place(path + ".to"));
            if (root_ == &model && draft.traits != TargetTraits())
                reader_.error(reader_.place(path), "facts about a target can't be given for another model's name");
        } else {
            index = add_target(model, draft, path);
        }
        if (!index) continue;
        member.index = *index;
        add_member(route, member, path);
    }
}

void RouteBuilder::add_member(std::size_t route, RouteMember member, std::string const& path) {
    auto const is_same = [&member](RouteMember const& each) {
        return each.index == member.index && each.is_route == member.is_route;
    };
    bool const is_there = std::ranges::any_of(routes_[route].members, is_same);
    if (!is_there) return routes_[route].members.push_back(member);
    if (path_.size() != 1 || member.is_route) return;
    reader_.warning(reader_.place(path + ".to"), reader_.subject(path + ".to") + " is a target already");
}

/// A model's own name with a slash is the provider's: `"openai/gpt-5": openai/gpt-5` is no cycle.
ModelDraft const* RouteBuilder::referenced(ModelDraft const& model, std::string const& text) const {
    bool const has_slash = text.contains('/');
    if (text.contains('*') || (has_slash && text == model.settings.name)) return nullptr;
    auto const found = by_name_.find(text);
    return found == by_name_.end() ? nullptr : found->second;
}

std::optional<std::size_t> RouteBuilder::follow(ModelDraft const& other, Position const& at) {
    auto const loop = std::ranges::find(path_, &other);
    if (loop != path_.end()) {
        report_circle(loop, at);
        return std::nullopt;
    }
    if (auto const known = known_routes_.find(&other); known != known_routes_.end()) return known->second;
    if (path_.size() == deepest) {
        complain(at, "models refer to each other more than 16 deep");
    } else if (known_routes_.size() > most_routes) {
        complain(at, "more than 64 models behind this one");
    } else {
        return add_route(other);
    }
    return std::nullopt;
}

/// A circle is reported once: from the model in it that stands first in the file.
void RouteBuilder::report_circle(std::vector<ModelDraft const*>::const_iterator loop, Position const& at) {
    if (!reports_circles_) return;
    bool const is_first = std::ranges::all_of(path_, [this](ModelDraft const* model) { return model >= root_; });
    if (loop != path_.begin() || !is_first) return;
    std::string circle;
    for (ModelDraft const* model : path_) circle += clipped(model->settings.name) + " -> ";
    reader_.error(at, "models refer to each other in a circle: " + circle + clipped(root_->settings.name));
}

/// Said once: every model on the way there runs into the same limit.
void RouteBuilder::complain(Position const& at, std::string message) {
    if (!gave_up_) reader_.error(at, std::move(message));
    gave_up_ = true;
}

std::optional<TargetSettings> RouteBuilder::parse(ModelDraft const& model, TargetDraft const& draft,
                                                  std::string const& path) {
    std::string const at = path + ".to";
    auto const refuse = [this, &model, &at](std::string message) {
        if (root_ == &model)
            reader_.error(reader_.place(at), std::move(message));  // once, not for everyone who refers to it
        return std::nullopt;
    };
    std::string const& text = *draft.to;
    std::string const quoted = reader_.subject(at);
    if (text.empty()) return refuse("a target is empty");
    auto const slash = text.find('/');
    if (slash == std::string::npos) {
        return refuse(quoted + " is neither PROVIDER/UPSTREAM-MODEL nor a model's name" + reader_.hint(text, models_));
    }
    TargetSettings target{.provider = text.substr(0, slash), .model = text.substr(slash + 1)};
    if (target.provider.empty() || target.model.empty()) return refuse(quoted + " is not PROVIDER/UPSTREAM-MODEL");
    auto const provider = settings_.providers.find(target.provider);
    if (provider == settings_.providers.end()) {
        std::string const name = reader_.is_literal(at) ? "`" + clipped(target.provider) + "`" : "as in " + quoted;
        return refuse("there is no provider " + name + reader_.hint(target.provider, providers_));
    }
    auto const stars = std::ranges::count(target.model, '*');
    if (stars > 1) return refuse(quoted + " has more than one `*`");
    if (stars == 1 && !root_->settings.name.contains('*')) {
        return refuse(quoted + " has a `*`, but the model's name has none that could fill it");
    }
    target.traits = merged(facts_of(provider->second, target.model), draft.traits);
    return target;
}

TargetTraits const& RouteBuilder::facts_of(ProviderSettings const& provider, std::string const& model) {
    auto const [known, is_new] = facts_.try_emplace(provider.name + "/" + model);
    if (is_new) known->second = traits_of(provider, model);
    return known->second;
}

/// Where the target stands among those of the model, new or already there.
std::optional<std::size_t> RouteBuilder::add_target(ModelDraft const& model, TargetDraft const& draft,
                                                    std::string const& path) {
    auto target = parse(model, draft, path);
    if (!target) return std::nullopt;
    if (auto const known = position_in(targets_, *target)) {
        bool const differs = root_ == &model && draft.traits != TargetTraits() && targets_[*known] != *target;
        if (differs) reader_.error(reader_.place(path), "this target stands here already, with other facts about it");
        return known;
    }
    if (targets_.size() == most_targets) {
        complain(reader_.place(path), "more than 64 targets");
        return std::nullopt;
    }
    targets_.push_back(*std::move(target));
    return targets_.size() - 1;
}

/// Targets for one occasion; a model's name stands for its targets.
std::vector<std::size_t> RouteBuilder::special(ModelDraft const& model, std::vector<TargetDraft> const& texts,
                                               std::string const& key, ModelSettings& into) {
    targets_.clear();
    routes_.assign(1, {});
    known_routes_.clear();
    path_.clear();
    reports_circles_ = false;  // the models themselves report theirs, and this one may come back to itself
    add_members(model, texts, key, 0);
    reports_circles_ = true;
    std::vector<std::size_t> positions;
    for (TargetSettings& target : targets_) {
        auto known = position_in(into.extra_targets, target);
        if (!known) {
            known = into.extra_targets.size();
            into.extra_targets.push_back(std::move(target));
        }
        positions.push_back(*known);
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
        for (char const* const useless : {"weight", "priority"}) {
            std::string const at = item(model, key, i) + "." + useless;
            if (reader_.has(at))
                reader_.error(reader_.place(at),
                              "`" + std::string(useless) + "` means nothing here: these are asked in order");
        }
    }
    return positions;
}

/// The request has one complexity: of several classifiers behind a model the first in the order of its routes is asked.
void RouteBuilder::add_classifier(ModelSettings& into) {
    ModelDraft const* first = nullptr;
    for (auto const& [model, position] : known_routes_) {
        if (!model->route.classifier.to) continue;
        if (first == nullptr || position < known_routes_.at(first)) first = model;
    }
    if (first == nullptr) return;
    ClassifierDraft const& written = first->route.classifier;
    std::string const path = "models." + first->settings.name + ".route.classifier";
    TargetDraft draft;
    draft.to = written.to;
    if (referenced(*first, *draft.to) != nullptr) {
        if (root_ != first) return;
        return reader_.error(reader_.place(path + ".to"),
                             reader_.subject(path + ".to") + " is a model: a classifier needs PROVIDER/UPSTREAM-MODEL");
    }
    auto target = parse(*first, draft, path);
    if (!target) return;
    into.classifier = written.settings;
    into.classifier->target = *std::move(target);
}

void RouteBuilder::add_mirror(ModelDraft const& model, ModelSettings& into) {
    into.mirror = model.mirror.settings;
    if (!model.mirror.to) return;
    std::string const path = "models." + model.settings.name + ".mirror";
    TargetDraft draft;
    draft.to = model.mirror.to;
    if (referenced(model, *draft.to) != nullptr) {
        return reader_.error(reader_.place(path + ".to"),
                             reader_.subject(path + ".to") + " is a model: a mirror needs PROVIDER/UPSTREAM-MODEL");
    }
    auto target = parse(model, draft, path);
    if (!target) return;
    auto const known = position_in(into.extra_targets, *target);
    into.mirror.target = known.value_or(into.extra_targets.size());
    if (!known) into.extra_targets.push_back(*std::move(target));
}

void RouteBuilder::check_route(ModelDraft const& model) {
    std::string const path = "models." + model.settings.name + ".route";
    RouteSettings const& route = model.route.settings;
    auto const is_wrong = [&](char const* key) {
        return reader_.has(path + key) && reader_.is_reported(reader_.place(path + key));
    };
    bool const has_bound = route.slo.first_token.count() > 0 || route.slo.tokens_per_second > 0 ||
                           is_wrong(".first_token") || is_wrong(".tokens_per_second");
    if (route.policy == RoutePolicy::slo && !has_bound) {
        reader_.error(reader_.place(path), "`policy: slo` needs `first_token`, `tokens_per_second`, or both");
    }
    ScoreWeights const& score = route.score;
    if (score.price + score.uptime + score.throughput + score.latency + score.cache <= 0) {
        reader_.error(reader_.place(path + ".weights"), "one of the `weights` must be above 0");
    }
    auto const& thresholds = route.thresholds;
    auto const main = std::ranges::find(routes_, route.policy, &RouteSettings::policy);
    std::size_t const members = main == routes_.end() ? 0 : main->members.size();
    bool const is_off = members > 0 && !thresholds.empty() && thresholds.size() + 1 != members;
    if (route.policy == RoutePolicy::complexity && is_off) {
        reader_.error(reader_.place(path + ".thresholds"),
                      "`thresholds` must be one fewer than the targets: " + std::to_string(members - 1) + " for " +
                          std::to_string(members));
    }
    if (std::ranges::adjacent_find(thresholds, std::ranges::greater_equal()) != thresholds.end())
        reader_.error(reader_.place(path + ".thresholds"), "`thresholds` must ascend");
    check_weights(model, model.targets, "targets");
    check_weights(model, model.fallbacks, "fallbacks");
}

/// A weight that nothing reads looks as if it did something.
void RouteBuilder::check_weights(ModelDraft const& model, std::vector<TargetDraft> const& texts,
                                 std::string const& key) {
    auto const policy = model.route.settings.policy;
    bool const reads_weights =
        key == "targets" && (policy == RoutePolicy::weighted || policy == RoutePolicy::least_busy);
    for (std::size_t i = 0; i < texts.size() && !reads_weights; ++i) {
        std::string const at = item(model, key, i) + ".weight";
        if (!reader_.has(at) || reader_.is_reported(reader_.place(at))) continue;
        reader_.warning(reader_.place(at),
                        "`weight` means something only with `route: weighted` or `least_busy`, and "
                        "under `targets`");
    }
}

}  // namespace sluice::config
