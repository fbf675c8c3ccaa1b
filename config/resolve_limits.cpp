#include <algorithm>
#include <map>

#include "config/resolve.hpp"
#include "config/text.hpp"

/// Who may use how much: one LimitRule for each payer that has limits.
namespace sluice::config {
namespace {

std::string item(std::string const& path, std::size_t i) { return path + "[" + std::to_string(i) + "]"; }

void add_once(Limit limit, std::string const& path, std::vector<Limit>& limits, Reader& reader) {
    auto const is_same = [&limit](Limit const& each) { return each.of == limit.of && each.per == limit.per; };
    if (std::ranges::any_of(limits, is_same)) {
        reader.error(reader.place(path), std::string(limit.of == Resource::money ? "a budget" : "a limit") +
                                             " for the same time stands here already");
        return;
    }
    limits.push_back(std::move(limit));
}

void add_window(WindowDraft const& window, std::string const& path, std::vector<Limit>& limits, Reader& reader) {
    if (!window.requests && !window.tokens) {
        bool const is_said = reader.has(path + ".requests") || reader.has(path + ".tokens");
        if (!is_said) reader.error(reader.place(path), "`" + path + "` needs `requests`, `tokens`, or both");
        return;
    }
    if (!window.per) return;  // said already
    LimitPeriod per = *window.per;
    bool const is_duration = per.kind == LimitPeriod::Kind::rolling;
    if (window.rolling && !is_duration)
        reader.error(reader.place(path + ".rolling"), "`rolling` needs a duration, like `per: 24h`");
    if (is_duration && !window.rolling) per.kind = LimitPeriod::Kind::aligned;
    for (auto const& [of, most] :
         {std::pair{Resource::requests, window.requests}, std::pair{Resource::tokens, window.tokens}}) {
        if (most) add_once({.of = of, .most = *most, .per = per}, path, limits, reader);
    }
}

void add_budget(BudgetDraft const& budget, std::string const& path, std::vector<Limit>& limits, Reader& reader) {
    if (!budget.usd || !budget.per) return;  // said already
    Limit limit = budget.limit;
    limit.of = Resource::money;
    limit.most = *budget.usd;
    limit.per = *budget.per;
    std::ranges::sort(limit.warn_at);
    auto const repeated = std::ranges::unique(limit.warn_at);
    limit.warn_at.erase(repeated.begin(), repeated.end());
    add_once(std::move(limit), path, limits, reader);
}

class LimitResolver {
public:
    LimitResolver(Draft const& draft, Settings& settings, Reader& reader)
        : draft_(draft), settings_(settings), reader_(reader) {}

    void resolve() {
        for (std::size_t i = 0; i < draft_.keys.size(); ++i) {
            std::string const path = item("keys", i);
            KeySettings& key = settings_.keys[i];
            key.limits = limits_of(draft_.keys[i].limits, path + ".rate.windows", path + ".budget", reader_);
            add(PayerKind::key, key.caller.id, key.limits, path);
        }
        for (std::size_t i = 0; i < draft_.teams.size(); ++i) {
            TeamSettings& team = settings_.teams[i];
            std::string const path = "teams." + team.name;
            team.limits = limits_of(draft_.teams[i].limits, path + ".rate.windows", path + ".budget", reader_);
            add(PayerKind::team, team.name, team.limits, path);
        }
        for (std::size_t i = 0; i < draft_.limits.size(); ++i) add_payer(draft_.limits[i], item("limits", i));
        for (auto const& [name, provider] : draft_.providers) {
            std::string const path = "providers." + name + ".limits";
            add(PayerKind::provider, name, own_limits(provider.limits, path), path);
        }
        for (ModelDraft const& model : draft_.models) add_targets(model);
    }

private:
    std::vector<Limit> own_limits(LimitsDraft const& draft, std::string const& path) {
        return limits_of(draft, path + ".windows", path + ".budget", reader_);
    }

    void add(PayerKind kind, std::string name, std::vector<Limit> limits, std::string const& path) {
        if (limits.empty()) return;
        auto const [first, is_new] = places_.try_emplace({kind, name}, path);
        if (is_new)
            return settings_.limits.push_back({.kind = kind, .name = std::move(name), .limits = std::move(limits)});
        auto const is_same = [kind, &name](LimitRule const& rule) { return rule.kind == kind && rule.name == name; };
        auto const known = std::ranges::find_if(settings_.limits, is_same);
        if (kind == PayerKind::target && known->limits == limits) return;  // wherever it stands
        reader_.error(reader_.place(path), "`" + clipped(name) + "` has " +
                                               (kind == PayerKind::target ? "other limits" : "limits") +
                                               " already, at " + shown(reader_.place(first->second)));
    }

    void add_payer(PayerDraft const& payer, std::string const& path) {
        auto limits = limits_of(payer.limits, path + ".rate.windows", path + ".budget", reader_);
        int const kinds = int{payer.model.has_value()} + int{payer.provider.has_value()} + int{payer.user.has_value()} +
                          int{!payer.tag.empty()};
        if (kinds != 1)
            return reader_.error(reader_.place(path),
                                 "`" + path + "` needs one of `model`, `provider`, `user` and `tag`");
        if (payer.limits.empty() && !reader_.has_below(path + ".rate") && !reader_.has_below(path + ".budget"))
            return reader_.error(reader_.place(path), "`" + path + "` has neither `rate` nor `budget`");
        if (payer.model) return add_model(*payer.model, std::move(limits), path);
        if (payer.provider) return add_provider(*payer.provider, std::move(limits), path);
        if (payer.user) return add_starred(PayerKind::user, *payer.user, std::move(limits), path + ".user");
        if (payer.tag.size() > 1)
            return reader_.error(reader_.place(path + ".tag"),
                                 "`tag` names one tag; for each further one write another entry");
        auto const& [name, value] = *payer.tag.begin();
        if (name.contains('*')) return reader_.error(reader_.place(path + ".tag"), "only a tag's value may be `*`");
        add_starred(PayerKind::tag, name + "=" + value, std::move(limits), path + ".tag." + name);
    }

    void add_starred(PayerKind kind, std::string name, std::vector<Limit> limits, std::string const& path) {
        if (std::ranges::count(name, '*') > 1)
            return reader_.error(reader_.place(path), reader_.subject(path) + " has more than one `*`");
        add(kind, std::move(name), std::move(limits), path);
    }

    /// Of a model that a client can ask for: one that is written, or one that a wildcard covers.
    void add_model(std::string const& name, std::vector<Limit> limits, std::string const& path) {
        std::vector<std::string> names;
        bool is_known = false;
        for (ModelSettings const& model : settings_.models) {
            names.push_back(model.name);
            is_known = is_known || match_star(name, model.name).fits || match_star(model.name, name).fits;
        }
        std::string const at = path + ".model";
        if (!is_known)
            return reader_.error(reader_.place(at),
                                 reader_.subject(at) + " is no model's name" + reader_.hint(name, names));
        add_starred(PayerKind::model, name, std::move(limits), at);
    }

    void add_provider(std::string const& name, std::vector<Limit> limits, std::string const& path) {
        std::vector<std::string> names;
        names.reserve(settings_.providers.size());
        for (auto const& [known, provider] : settings_.providers) names.push_back(known);
        auto const fits = [&name](std::string const& known) { return match_star(name, known).fits; };
        std::string const at = path + ".provider";
        if (std::ranges::none_of(names, fits))
            return reader_.error(reader_.place(at),
                                 reader_.subject(at) + " is no provider" + reader_.hint(name, names));
        add_starred(PayerKind::provider, name, std::move(limits), at);
    }

    void add_targets(ModelDraft const& model) {
        std::string const path = "models." + model.settings.name + ".";
        add_targets(model.targets, path + "targets");
        add_targets(model.fallbacks, path + "fallbacks");
        add_targets(model.on_context_length, path + "fallbacks_on.context_length");
        add_targets(model.on_content_filter, path + "fallbacks_on.content_filter");
    }

    void add_targets(std::vector<TargetDraft> const& targets, std::string const& path) {
        for (std::size_t i = 0; i < targets.size(); ++i) {
            TargetDraft const& target = targets[i];
            if (!target.to || target.limits.empty()) continue;
            std::string const at = item(path, i) + ".limits";
            if (is_model(*target.to)) {
                reader_.error(reader_.place(at),
                              "limits of a target can't be given for another model's name; write them under `limits`");
                continue;
            }
            add(PayerKind::target, *target.to, own_limits(target.limits, at), at);
        }
    }

    bool is_model(std::string const& text) const {
        auto const has_name = [&text](ModelDraft const& model) { return model.settings.name == text; };
        bool const has_slash = text.contains('/');
        return !text.contains('*') && !has_slash && std::ranges::any_of(draft_.models, has_name);
    }

    Draft const& draft_;
    Settings& settings_;
    Reader& reader_;
    std::map<std::pair<PayerKind, std::string>, std::string> places_{};  ///< where each payer's limits stand
};

}  // namespace

std::vector<Limit> limits_of(LimitsDraft const& draft, std::string const& windows, std::string const& budget,
                             Reader& reader) {
    std::vector<Limit> limits;
    LimitPeriod const minute{.kind = LimitPeriod::Kind::aligned, .length = std::chrono::seconds(60)};
    auto const add = [&limits](Resource of, std::optional<std::int64_t> most, LimitPeriod per) {
        if (most) limits.push_back({.of = of, .most = *most, .per = per});
    };
    add(Resource::requests, draft.rate.rpm, minute);
    add(Resource::tokens, draft.rate.tpm, minute);
    add(Resource::concurrent, draft.rate.concurrent, LimitPeriod());
    for (std::size_t i = 0; i < draft.rate.windows.size(); ++i)
        add_window(draft.rate.windows[i], item(windows, i), limits, reader);
    for (std::size_t i = 0; i < draft.budget.size(); ++i) add_budget(draft.budget[i], item(budget, i), limits, reader);
    return limits;
}

void resolve_limits(Draft const& draft, Settings& settings, Reader& reader) {
    LimitResolver(draft, settings, reader).resolve();
}

}  // namespace sluice::config
