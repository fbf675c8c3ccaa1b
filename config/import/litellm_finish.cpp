#include <algorithm>
#include <charconv>
#include <iterator>

#include "config/import/litellm_state.hpp"

/// What needs all models: fallbacks, aliases, and what must fit together.
namespace sluice::config {
namespace {

class Finish {
public:
    explicit Finish(LitellmState& state) : state_(state) {}

    void finish() {
        for (ImportedModel& model : state_.out.models) choose_route(model);
        std::set<std::string> with_own;
        for (LitellmReference const& each : state_.fallbacks) {
            ImportedModel* const model = state_.find_model(each.model);
            bool const is_all = each.model == "*";
            if (is_all) state_.default_fallbacks.push_back(each);
            if (is_all) continue;
            if (model == nullptr) {
                state_.out.left["models"].push_back(each.where);
                state_.out.left["models"].back().why =
                    "`" + each.model + "` is no model of this file" +
                    (state_.lost.contains(each.model) ? " that could be translated" : "");
                continue;
            }
            with_own.insert(each.model);
            for (std::string const& name : each.names) add_fallback(*model, name, each.where);
            state_.done();
        }
        for (LitellmReference const& each : state_.default_fallbacks) {
            for (ImportedModel& model : state_.out.models) {
                if (with_own.contains(model.name)) continue;
                for (std::string const& name : each.names)
                    if (name != model.name) add_fallback(model, name, each.where);
            }
            state_.done();
        }
        add_special(state_.on_context_length, &ImportedModel::on_context_length);
        add_special(state_.on_content_filter, &ImportedModel::on_content_filter);
        for (LitellmReference& each : state_.aliases) {
            bool const is_known = state_.find_model(each.names.front()) != nullptr &&
                                  state_.find_model(each.model) == nullptr && !each.names.front().contains('*');
            if (is_known) {
                state_.out.aliases[each.model] = each.names.front();
                state_.done();
            } else {
                each.where.why = "an alias needs a name of its own, and a model of this file without a star";
                state_.out.left["models"].push_back(each.where);
            }
        }
        finish_breaker();
        finish_prices();
    }

private:
    bool reaches(std::string const& from, std::string const& to, std::set<std::string>& seen) {
        if (from == to) return true;
        ImportedModel const* const model = state_.find_model(from);
        if (model == nullptr || !seen.insert(from).second) return false;
        return std::ranges::any_of(model->fallbacks, [&](std::string const& next) { return reaches(next, to, seen); });
    }

    /// A model's name, or where that would make a circle its targets.
    void add_fallback(ImportedModel& model, std::string const& name, LeftOver const& where) {
        ImportedModel const* const other = state_.find_model(name);
        if (other == nullptr || name.contains('*')) {
            LeftOver left = where;
            left.why = other != nullptr ? "a model with a star can't be a fallback: name what it should stand for"
                                        : "`" + name + "` is no model of this file" +
                                              (state_.lost.contains(name) ? " that could be translated" : "");
            model.left.push_back(std::move(left));
            return;
        }
        std::set<std::string> seen;
        std::vector<std::string> names{name};
        if (reaches(name, model.name, seen)) {
            names.clear();
            for (ImportedTarget const& target : other->targets) names.push_back(target.text);
        }
        for (std::string const& each : names) {
            bool const is_target = std::ranges::find(model.targets, each, &ImportedTarget::text) != model.targets.end();
            if (!is_target && std::ranges::find(model.fallbacks, each) == model.fallbacks.end())
                model.fallbacks.push_back(each);
        }
    }

    /// `order` is a level of its own. Within a level LiteLLM spreads requests, by its strategy.
    void choose_route(ImportedModel& model) {
        std::set<long> orders;
        for (ImportedTarget const& target : model.targets) orders.insert(target.order);
        bool const is_spread = orders.size() < model.targets.size();
        if (is_spread) model.route = state_.route;
        for (ImportedTarget& target : model.targets) {
            auto const level = std::distance(orders.begin(), orders.find(target.order));
            if (is_spread && level > 0) target.priority = std::to_string(level);
            if (model.route != "weighted") target.weight.clear();  // nor does LiteLLM look at it then
        }
    }

    /// Fallbacks for one kind of failure. Names in a circle are no problem there.
    void add_special(std::vector<LitellmReference> const& references,
                     std::vector<std::string> ImportedModel::* member) {
        for (LitellmReference const& each : references) {
            bool is_known = false;
            for (ImportedModel& model : state_.out.models) {
                if (each.model != "*" && each.model != model.name) continue;
                is_known = true;
                for (std::string const& name : each.names) add_special(model, name, each.where, model.*member);
            }
            if (is_known) {
                state_.done();
            } else {
                state_.out.left["models"].push_back(each.where);
                state_.out.left["models"].back().why = "`" + each.model + "` is no model of this file";
            }
        }
    }

    void add_special(ImportedModel& model, std::string const& name, LeftOver const& where,
                     std::vector<std::string>& to) {
        if (name == model.name) return;
        ImportedModel const* const other = state_.find_model(name);
        if (other == nullptr || name.contains('*')) {
            model.left.push_back(where);
            model.left.back().why = "`" + name + "` is no model of this file, or one with a star";
        } else if (std::ranges::find(to, name) == to.end()) {
            to.push_back(name);
        }
    }

    /// A breaker that opens for longer than it may is an error.
    void finish_breaker() {
        if (state_.out.open_for.ends_with("ms")) return;
        long seconds = 0;
        std::from_chars(state_.out.open_for.data(), state_.out.open_for.data() + state_.out.open_for.size(), seconds);
        if (seconds > 60) state_.out.open_max = state_.out.open_for;
    }

    /// One price alone is not a price.
    void finish_prices() {
        std::erase_if(state_.out.prices, [this](auto& row) {
            auto& [target, price] = row;
            if (!price.input.empty() && !price.output.empty()) return false;
            state_.out.left["models"].push_back(
                {.line = price.line,
                 .path = "prices." + target,
                 .value = {},
                 .why = "a price needs `input` and `output`: give both as cost per token"});
            return true;
        });
    }

    LitellmState& state_;
};

}  // namespace

void finish_litellm(LitellmState& state) { Finish(state).finish(); }

}  // namespace sluice::config
