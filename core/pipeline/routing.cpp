#include "core/pipeline/routing.hpp"

#include <algorithm>

#include "core/policy/match.hpp"

namespace sluice {
namespace {

std::unexpected<Error> no_such_model(std::string_view name) {
    return std::unexpected(Error{.kind = ErrorKind::model_not_found,
                                 .message = "the model '" + shown(name) +
                                            "' does not exist, or this key may not use it; GET /v1/models lists what "
                                            "it may use",
                                 .param = "model"});
}

std::optional<Snapshot::Match> find_allowed(Snapshot const& snapshot, Caller const& caller, std::string_view name) {
    auto match = snapshot.find_model(name);
    if (match && !allows_model(caller.models, name)) match.reset();
    return match;
}

/// Requests of one session draw the same lot.
unsigned lot_of(ClientRequest const& request, std::uint64_t draw) {
    auto const chance = request.session.empty() ? draw : SessionTable::key_of(request.session);
    return static_cast<unsigned>(chance % 100);
}

/// The model that a rule of the requested one names, if a rule fits. Its own rules are not followed.
void follow_rules(Routing& routing, Snapshot const& snapshot, ClientRequest const& request,
                  RoutingMoment const& moment) {
    auto const& rules = routing.model->settings->match;
    if (rules.empty()) return;
    MatchInput const input{.facts = request.chat.facts,
                           .caller = request.caller,
                           .header = request.header,
                           .time = std::chrono::floor<std::chrono::seconds>(moment.time),
                           .lot = lot_of(request, moment.draw)};
    routing.rule = first_match(rules, input);
    if (routing.rule == nullptr) return;
    routing.model = &snapshot.models()[routing.rule->use];
    if (!routing.model->settings->name.contains('*')) routing.star = {};
}

void bind_session(Routing& routing, Snapshot const& snapshot, ClientRequest const& request, Instant now) {
    auto const& affinity = routing.model->settings->affinity;
    auto const& session = !request.session.empty() || !affinity.by_user ? request.session : request.user;
    if (!affinity.enabled || session.empty()) return;
    routing.session = SessionTable::key_of(request.caller.name, routing.model->settings->name, session);
    auto const binding = snapshot.sessions().find(routing.session, now);
    if (!binding) return;
    for (std::size_t i = 0; i < routing.targets.size(); ++i) {
        if (SessionTable::key_of(routing.targets[i].target->name) != binding->target) continue;
        routing.bound = BoundTarget{i, std::min(binding->tokens, request.chat.facts.input_tokens)};
        routing.bound_credential = binding->credential;
        routing.bound_complexity = binding->complexity;
        return;
    }
}

}  // namespace

std::vector<ParameterRule const*> refused_by(RoutingView const& view, RoutedTarget const& routed,
                                             UnsupportedPolicy policy) {
    auto const& provider = *routed.target->provider->settings;
    if (!provider.parameters.may_refuse(policy)) return {};
    auto const* const dialect = view.dialects(provider.dialect);
    if (dialect == nullptr) return {};
    auto const model = fill_star(routed.target->model, routed.star);
    return dialect->refused_by(view.request.chat, {.provider = provider, .model = model, .unsupported = policy});
}

void look_at(Candidate& candidate, TargetRuntime const& target, Instant now, bool own_key) {
    auto const& provider = *target.provider;
    auto const breaker = target.health->view(now);
    candidate.breaker = breaker.state;
    candidate.breaker_refuses = breaker.refuses;
    candidate.time_to_probe = breaker.time_to_probe;
    if (provider.health->is_down()) {
        candidate.breaker = BreakerState::open;
        candidate.breaker_refuses = true;
        candidate.time_to_probe = std::max(breaker.time_to_probe, provider.health->time_to_probe(now));
    }
    candidate.in_flight = provider.in_flight->count();
    candidate.max_in_flight = provider.settings->max_in_flight;
    candidate.credential_free = own_key || provider.credentials->any_free(now);
    if (candidate.credential_free) return;
    auto const bench = provider.credentials->all_benched(now);
    candidate.bench = bench.reason;
    candidate.time_to_credential = bench.time_left;
}

PlanInput Routing::input() const {
    auto const& settings = *model->settings;
    return {.facts = *facts,
            .candidates = candidates,
            .models = models,
            .steering = steering,
            .model_filter = settings.require.empty() ? nullptr : &settings.require,
            .caller_filter = caller_filter,
            .bound = bound,
            .strict = strict,
            .long_prompts_go_elsewhere = !settings.on_context_length.empty(),
            .try_when_all_open = settings.breaker.try_when_all_open,
            .draw = draw};
}

bool Routing::is_choice() const { return candidates.size() > 1; }

void Routing::add_target(RoutedTarget const& routed, RoutingView const& view, Instant now) {
    auto const& target = *routed.target;
    auto const& request = view.request;
    Candidate candidate{.name = target.name,
                        .provider = target.provider->settings->name,
                        .traits = target.traits,
                        .price = target.price};
    bool const price_matters = view.in_full || steering != nullptr || caller_filter != nullptr ||
                               model->targets.size() > 1 || !model->settings->require.empty();
    if (candidate.price == nullptr && price_matters) {
        candidate.price = view.snapshot.price_of(target, fill_star(target.model, routed.star));
    }
    candidate.is_router = target.provider->settings->is_router;
    look_at(candidate, target, now, request.own_key_for(candidate.provider) != nullptr);
    auto const policy = request.unsupported.value_or(model->settings->unsupported);
    bool const must_lose_nothing = steering != nullptr && steering->require_parameters;
    strict = policy == UnsupportedPolicy::reject || must_lose_nothing;
    candidate.takes_request = refused_by(view, routed, policy).empty();
    if (must_lose_nothing) {
        candidate.loses_nothing = refused_by(view, routed, UnsupportedPolicy::reject).empty();
    }
    candidate.headroom_permille = target.provider->credentials->headroom_permille(now);
    targets.push_back(routed);
    candidates.push_back(candidate);
}

void Routing::add_model(ModelRuntime const& added, std::string_view its_star, RoutingView const& view, Instant now) {
    auto const known = [&added](RoutedModel const& other) {
        return other.routes.data() == added.settings->routes.data();
    };
    if (!added.settings->routes.empty() && std::ranges::any_of(models, known)) return;
    models.push_back({.routes = added.settings->routes,
                      .first_candidate = candidates.size(),
                      .candidate_count = added.targets.size()});
    for (auto const& target : added.targets) add_target({&target, &added, its_star}, view, now);
}

Result<Routing> gather_routing(RoutingView const& view, RoutingMoment const& moment) {
    auto const& request = view.request;
    auto const& asked = request.model_name();
    auto const match = find_allowed(view.snapshot, request.caller, asked);
    if (!match) return no_such_model(asked);
    Routing routing{.model = match->model, .star = match->star, .draw = moment.draw, .facts = &request.chat.facts};
    follow_rules(routing, view.snapshot, request, moment);
    if (!request.caller.require.empty()) routing.caller_filter = &request.caller.require;
    routing.steering = request.steering.get();

    routing.targets.reserve(routing.model->targets.size());
    routing.candidates.reserve(routing.model->targets.size());
    routing.add_model(*routing.model, routing.star, view, moment.now);
    if (routing.steering != nullptr) {
        for (auto const& name : routing.steering->models) {  // one that does not exist here is for another router
            auto const other = find_allowed(view.snapshot, request.caller, name);
            if (other) routing.add_model(*other->model, other->star, view, moment.now);
        }
    }
    if (routing.is_choice() || view.in_full) {
        for (std::size_t i = 0; i < routing.targets.size(); ++i) {
            routing.candidates[i].measured = routing.targets[i].target->health->measured(moment.now);
        }
    }
    bind_session(routing, view.snapshot, request, moment.now);
    return routing;
}

}  // namespace sluice
