#include <algorithm>
#include <set>
#include <unordered_map>

#include "config/catalogue.hpp"
#include "config/resolve.hpp"
#include "config/text.hpp"

namespace sluice::config {
namespace {

/// Makes targets of a model's texts. A text without a slash, or one that is another model's name, stands for that
/// model's targets.
class Expansion {
public:
    Expansion(Draft const& draft, Settings const& settings, Reader& reader) : settings_(settings), reader_(reader) {
        for (ModelDraft const& model : draft.models) {
            models_.push_back(model.settings.name);
            by_name_.emplace(model.settings.name, &model);
        }
        for (auto const& [name, provider] : settings.providers) providers_.push_back(name);
    }

    std::vector<TargetSettings> targets_of(ModelDraft const& model) {
        targets_.clear();
        path_.clear();
        done_.clear();
        root_ = &model;
        expand(model);
        return std::move(targets_);
    }

private:
    static constexpr std::size_t most_targets = 64;
    static constexpr std::size_t deepest = 16;

    void expand(ModelDraft const& model) {
        path_.push_back(&model);
        expand(model, model.targets, "targets");
        expand(model, model.fallbacks, "fallbacks");
        path_.pop_back();
    }

    void expand(ModelDraft const& model, std::vector<std::string> const& texts, std::string const& key) {
        for (std::size_t i = 0; i < texts.size(); ++i) {
            std::string const path = "models." + model.settings.name + "." + key + "[" + std::to_string(i) + "]";
            Position const at = reader_.place(path);
            if (ModelDraft const* other = referenced(model, texts[i])) {
                follow(*other, at);
            } else if (auto target = parse(model, texts[i], path)) {
                add(*std::move(target), path);
            }
        }
    }

    /// A model's own name with a slash is the provider's: `"openai/gpt-5": openai/gpt-5` is no cycle.
    ModelDraft const* referenced(ModelDraft const& model, std::string const& text) const {
        bool const has_slash = text.contains('/');
        if (text.contains('*') || (has_slash && text == model.settings.name)) return nullptr;
        auto const found = by_name_.find(text);
        return found == by_name_.end() ? nullptr : found->second;
    }

    void follow(ModelDraft const& other, Position const& at) {
        auto const loop = std::ranges::find(path_, &other);
        if (loop != path_.end()) return report_circle(loop, at);
        if (!done_.insert(&other).second) return;  // its targets are here already
        if (path_.size() == deepest) return complain(at, "models refer to each other more than 16 deep");
        if (done_.size() > most_targets) return complain(at, "more than 64 models behind this one");
        expand(other);
    }

    /// A circle is reported once: from the model in it that stands first in the file.
    void report_circle(std::vector<ModelDraft const*>::const_iterator loop, Position const& at) {
        bool const is_first = std::ranges::all_of(path_, [this](ModelDraft const* model) { return model >= root_; });
        if (loop != path_.begin() || !is_first) return;
        std::string circle;
        for (ModelDraft const* model : path_) circle += clipped(model->settings.name) + " -> ";
        reader_.error(at, "models refer to each other in a circle: " + circle + clipped(root_->settings.name));
    }

    /// Said once: every model on the way there runs into the same limit.
    void complain(Position const& at, std::string message) {
        if (!gave_up_) reader_.error(at, std::move(message));
        gave_up_ = true;
    }

    std::optional<TargetSettings> parse(ModelDraft const& model, std::string const& text, std::string const& path) {
        auto const refuse = [this, &model, &path](std::string message) {
            if (root_ == &model)
                reader_.error(reader_.place(path), std::move(message));  // once, not for everyone who refers to it
            return std::nullopt;
        };
        std::string const quoted = reader_.subject(path);
        if (text.empty()) return refuse("a target is empty");
        auto const slash = text.find('/');
        if (slash == std::string::npos) {
            return refuse(quoted + " is neither PROVIDER/UPSTREAM-MODEL nor a model's name" +
                          reader_.hint(text, models_));
        }
        TargetSettings target{.provider = text.substr(0, slash), .model = text.substr(slash + 1)};
        if (target.provider.empty() || target.model.empty()) return refuse(quoted + " is not PROVIDER/UPSTREAM-MODEL");
        if (!settings_.providers.contains(target.provider)) {
            std::string const name =
                reader_.is_literal(path) ? "`" + clipped(target.provider) + "`" : "as in " + quoted;
            return refuse("there is no provider " + name + reader_.hint(target.provider, providers_));
        }
        auto const stars = std::ranges::count(target.model, '*');
        if (stars > 1) return refuse(quoted + " has more than one `*`");
        if (stars == 1 && !root_->settings.name.contains('*')) {
            return refuse(quoted + " has a `*`, but the model's name has none that could fill it");
        }
        return target;
    }

    void add(TargetSettings target, std::string const& path) {
        Position const at = reader_.place(path);
        if (std::ranges::find(targets_, target) != targets_.end()) {
            if (path_.size() == 1) reader_.warning(at, reader_.subject(path) + " is a target already");
            return;
        }
        if (targets_.size() == most_targets) reader_.error(at, "more than 64 targets");
        if (targets_.size() <= most_targets) targets_.push_back(std::move(target));
    }

    Settings const& settings_;
    Reader& reader_;
    std::vector<std::string> models_;
    std::unordered_map<std::string, ModelDraft const*> by_name_;
    std::vector<std::string> providers_;
    std::vector<TargetSettings> targets_;
    std::vector<ModelDraft const*> path_;
    std::set<ModelDraft const*> done_;
    bool gave_up_ = false;
    ModelDraft const* root_ = nullptr;
};

/// The catalogue's names that a wildcard model stands for, as a client would write them.
std::vector<std::string> listed_names(ModelSettings const& model, Settings const& settings) {
    std::vector<std::string> names;
    for (TargetSettings const& target : model.targets) {
        auto const provider = settings.providers.find(target.provider);
        if (!target.model.contains('*') || provider == settings.providers.end()) continue;
        for (CatalogueModel const& known : catalogue_models()) {
            if (known.provider != provider->second.type || !known.answers_chat) continue;
            auto const match = match_star(target.model, known.model);
            if (!match.fits) continue;
            std::string name = fill_star(model.name, match.star);
            if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
        }
        break;  // what the first such target can't serve would fail there first
    }
    return names;
}

void check_times(ModelSettings const& model, std::string const& path, Reader& reader) {
    if (model.breaker.open_for > model.breaker.open_max) {
        reader.error(reader.place(path + ".breaker"), "`breaker.open_for` is longer than `open_max`");
    }
    bool const never_reached = model.timeout.total.count() > 0 && model.timeout.first_token > model.timeout.total;
    if (never_reached && reader.has(path + ".timeout")) {
        reader.warning(reader.place(path + ".timeout"),
                       "`timeout.first_token` is longer than `total`, which ends the request first");
    }
}

}  // namespace

void resolve_models(Draft const& draft, Settings& settings, Reader& reader) {
    bool const is_known = reader.has("models") && reader.is_reported(reader.place("models"));
    if (draft.models.empty() && !is_known) {
        reader.error(reader.place("models"),
                     "there are no `models`: a client could ask for nothing; the shortest is `\"*\": PROVIDER/*`");
    }
    Expansion expansion(draft, settings, reader);
    for (ModelDraft const& model : draft.models) {
        std::string const& name = model.settings.name;
        std::string const path = "models." + name;
        if (std::ranges::count(name, '*') > 1)
            reader.error(reader.place(path), "`" + clipped(name) + "` has more than one `*`");
        bool const is_empty = model.targets.empty() && reader.has(path + ".targets");
        if (is_empty && !reader.has(path + ".targets[0]"))
            reader.error(reader.place(path + ".targets"), "`targets` is empty");
        ModelSettings resolved = model.settings;
        resolved.targets = expansion.targets_of(model);
        if (name.contains('*')) resolved.listed = listed_names(resolved, settings);
        check_times(resolved, path, reader);
        settings.models.push_back(std::move(resolved));
    }
}

}  // namespace sluice::config
