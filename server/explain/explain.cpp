#include "server/explain/explain.hpp"

#include <array>
#include <nlohmann/json.hpp>

#include "core/pipeline/admission.hpp"
#include "core/pipeline/answer_headers.hpp"
#include "core/pipeline/classifier.hpp"
#include "core/pipeline/routing_record.hpp"
#include "server/api/chat_request_reader.hpp"
#include "server/api/choice.hpp"
#include "server/api/request_member.hpp"
#include "server/explain/admission_json.hpp"

namespace sluice::explain {
namespace {

using Json = nlohmann::ordered_json;

std::string_view to_string(RoutePolicy policy) {
    constexpr std::array<std::string_view, static_cast<std::size_t>(RoutePolicy::count_)> names{
        "fallback", "cost", "latency", "throughput", "weighted", "least_busy", "usage", "score", "slo", "complexity"};
    return names[static_cast<std::size_t>(policy)];
}

std::string_view to_string(SortBy sort) {
    constexpr std::array<std::string_view, 4> names{"", "price", "throughput", "latency"};
    return names[static_cast<std::size_t>(sort)];
}

double ms(std::uint32_t us) { return us / 1000.0; }

Json needs_json(Capabilities needs) {
    Json list = Json::array();
    for (std::size_t i = 0; i < capability_count; ++i) {
        if (needs.has(static_cast<Capability>(i))) list.push_back(capability_names[i]);
    }
    return list;
}

Json facts_json(RequestFacts const& facts) {
    Json json{{"input_tokens", facts.input_tokens}, {"stream", facts.stream}, {"messages", facts.messages}};
    if (facts.output_tokens > 0) json["output_tokens"] = facts.output_tokens;
    if (facts.tools > 0) json["tools"] = facts.tools;
    json["complexity"] = facts.complexity;
    json["needs"] = needs_json(facts.needs);
    return json;
}

void add_list(Json& json, char const* name, std::vector<std::string> const& list) {
    if (!list.empty()) json[name] = list;
}

Json filter_json(TargetFilter const& filter) {
    Json json = Json::object();
    add_list(json, "regions", filter.regions);
    add_list(json, "quantizations", filter.quantizations);
    if (filter.zero_retention) json["zero_retention"] = true;
    if (filter.no_training) json["no_training"] = true;
    if (filter.max_input_price) json["max_input_price"] = to_usd(filter.max_input_price->value);
    if (filter.max_output_price) json["max_output_price"] = to_usd(filter.max_output_price->value);
    return json;
}

Json steering_json(Steering const& steering) {
    Json json = Json::object();
    add_list(json, "models", steering.models);
    add_list(json, "order", steering.order);
    add_list(json, "only", steering.only);
    add_list(json, "ignore", steering.ignore);
    if (!steering.allow_fallbacks) json["allow_fallbacks"] = false;
    if (steering.require_parameters) json["require_parameters"] = true;
    if (steering.sort != SortBy::nothing) json["sort"] = to_string(steering.sort);
    if (steering.pool_models) json["pool_models"] = true;
    if (steering.free_only) json["free_only"] = true;
    if (!steering.filter.empty()) json["filter"] = filter_json(steering.filter);
    if (steering.max_first_token_us != ByPercentile{}) json["preferred_max_latency_us"] = steering.max_first_token_us;
    if (steering.min_tokens_per_second != ByPercentile{}) {
        json["preferred_min_throughput"] = steering.min_tokens_per_second;
    }
    return json;
}

/// What is known of a target, as far as something is.
Json figures_json(Routing const& routing, std::size_t at) {
    auto const& candidate = routing.candidates[at];
    auto const& measured = candidate.measured;
    Json json = Json::object();
    auto const cached = routing.bound && routing.bound->target == at ? routing.bound->cached_tokens : 0;
    if (auto const cost = expected_cost(*routing.facts, candidate, cached)) json["expected_cost_usd"] = to_usd(*cost);
    if (measured.requests > 0) {
        json["requests"] = measured.requests;
        json["failures"] = measured.failures;
    }
    if (measured.first_token_us[0] > 0) {
        json["first_token_ms"] = {{"p50", ms(measured.first_token_us[0])}, {"p95", ms(measured.first_token_us[3])}};
    }
    if (measured.answer_us[0] > 0) {
        json["answer_ms"] = {{"p50", ms(measured.answer_us[0])}, {"p95", ms(measured.answer_us[3])}};
    }
    if (measured.tokens_per_second[0] > 0) json["tokens_per_second"] = measured.tokens_per_second[0];
    if (measured.resumed > 0) json["cached_percent"] = measured.cached_permille / 10.0;
    if (candidate.headroom_permille) json["headroom_percent"] = *candidate.headroom_permille / 10.0;
    json["in_flight"] = candidate.in_flight;
    if (candidate.max_in_flight > 0) json["max_in_flight"] = candidate.max_in_flight;
    json["breaker"] = to_string(candidate.breaker);
    return json;
}

Json order_json(Routing const& routing, Plan const& plan) {
    Json list = Json::array();
    for (auto const& planned : plan.order) {
        list.push_back({{"target", routing.candidates[planned.target].name},
                        {"model", routing.targets[planned.target].model->settings->name},
                        {"reason", planned.reason},
                        {"score", planned.score},
                        {"figures", figures_json(routing, planned.target)}});
    }
    return list;
}

/// The rules for parameters that keep the request from a target.
std::string refusing_fields(RoutingView const& view, Routing const& routing, std::size_t at) {
    auto const usual = view.request.unsupported.value_or(routing.model->settings->unsupported);
    auto const policy = routing.candidates[at].takes_request ? UnsupportedPolicy::reject : usual;
    std::string text;
    for (auto const* const rule : refused_by(view, routing.targets[at], policy)) {
        text += (text.empty() ? ": " : "; ") + rule->field;
        if (!rule->why.empty()) text += " (" + rule->why + ")";
    }
    return text;
}

Json excluded_json(RoutingView const& view, Routing const& routing, Plan const& plan) {
    Json list = Json::array();
    for (auto const& excluded : plan.excluded) {
        std::string text(to_string(excluded.why));
        if (excluded.why == Exclusion::parameters_unsupported) text += refusing_fields(view, routing, excluded.target);
        if (excluded.lacking != Capability::count_) (text += ": ") += to_string(excluded.lacking);
        if (excluded.bench != Bench::none) (text += ": ") += to_string(excluded.bench);
        if (excluded.time_left > milliseconds::zero()) {
            text += ", " + std::to_string(excluded.time_left.count()) + " ms left";
        }
        list.push_back({{"target", routing.candidates[excluded.target].name},
                        {"model", routing.targets[excluded.target].model->settings->name},
                        {"why", text},
                        {"permanent", is_permanent(excluded.why)},
                        {"figures", figures_json(routing, excluded.target)}});
    }
    return list;
}

Json affinity_json(Routing const& routing, Plan const& plan) {
    Json json{{"session", routing.session != 0}};
    if (routing.bound) {
        json["bound_to"] = routing.candidates[routing.bound->target].name;
        json["cached_tokens"] = routing.bound->cached_tokens;
    }
    json["moved"] = plan.moved_by_affinity;
    return json;
}

/// Nothing is sent here, so a classifier is not asked: the complexity is that of the facts, or what it said before.
Json classifier_json(RoutingView const& view, Routing const& routing) {
    return {{"target", routing.model->classifier->name},
            {"asked_when_served", wants_classifier(routing, view.snapshot)},
            {"complexity_from", routing.bound_complexity ? "session" : "facts"}};
}

Json answer(RoutingView const& view, Routing const& routing, Plan const& plan, LimitBook* limits) {
    auto const& request = view.request;
    auto const& model = *routing.model->settings;
    Json json{{"requested_model", request.chat.requested_model}, {"model", model.name}};
    if (!routing.star.empty()) json["star"] = routing.star;
    if (routing.rule != nullptr) {
        auto const asked = view.snapshot.find_model(request.model_name());
        json["rule"] = {{"of", asked->model->settings->name},
                        {"number", routing.rule - asked->model->settings->match.data() + 1}};
    }
    json["policy"] = model.routes.empty() ? "fallback" : to_string(model.routes.front().policy);
    if (!request.caller.name.empty()) json["key"] = request.caller.name;
    json["seed"] = routing.draw;
    json["facts"] = facts_json(*routing.facts);
    if (routing.model->classifier) json["classifier"] = classifier_json(view, routing);
    if (routing.steering != nullptr) json["steering"] = steering_json(*routing.steering);
    if (request.chat.steering_ignored) json["steering_ignored"] = true;
    if (!model.require.empty()) json["model_filter"] = filter_json(model.require);
    if (routing.caller_filter != nullptr) json["key_filter"] = filter_json(*routing.caller_filter);
    json["order"] = order_json(routing, plan);
    if (limits != nullptr) add_limits(json, *limits, view, routing, plan);
    json["excluded"] = excluded_json(view, routing, plan);
    json["affinity"] = affinity_json(routing, plan);
    if (plan.panic) json["panic"] = true;
    if (plan.order.empty()) {
        auto const error = nothing_planned(routing.candidates, plan);
        json["error"] = {{"code", code_of(error)}, {"message", error.message.str()}, {"detail", error.detail.str()}};
    }
    json["decision"] = Json::parse(record_of(view, routing, plan), nullptr, false);
    return json;
}

Result<Caller const*> caller_named(std::string const& key, Settings const& settings) {
    static Caller const anybody;
    if (key.empty()) return &anybody;
    std::string known;
    for (auto const& configured : settings.keys) {
        if (configured.caller.name == key) return &configured.caller;
        known += (known.empty() ? "" : ", ") + configured.caller.name;
    }
    return std::unexpected(Error{.kind = ErrorKind::invalid_value,
                                 .message = "'" + shown(key) + "' is no configured key; there are: " +
                                            (known.empty() ? std::string("none") : known),
                                 .param = "key"});
}

}  // namespace

Result<std::string> explain(Question const& question, Snapshot const& snapshot, DialectLookup const& dialects,
                            Moment const& moment, LimitBook* book) {
    SLUICE_TRY(auto const* const named, caller_named(question.key, snapshot.settings()));
    auto caller = *named;
    if (book != nullptr && !question.key.empty()) caller.accounts = accounts_of(caller, *book);
    SLUICE_TRY(auto const body, complete_body(question));
    auto const& limits = snapshot.settings().server.limits;
    SLUICE_TRY(auto chat, read_chat_request(body, {limits.max_choices, limits.max_output_tokens}));
    api::ChoiceHeaders headers;
    for (auto const& [name, value] : question.headers) headers.note(name, value);
    SLUICE_TRY(auto choice, api::read_choice(chat, headers, caller, snapshot));
    auto const header = [&question](std::string_view name) {
        auto const found = question.headers.find(std::string(name));
        return found == question.headers.end() ? std::string_view() : std::string_view(found->second);
    };
    ClientRequest const request{.request_id = "explain",
                                .client = {},
                                .caller = caller,
                                .method = "POST",
                                .route = "explain",
                                .chat = chat,
                                .steering = std::move(choice.steering),
                                .model = std::move(choice.model),
                                .session = std::move(choice.session),
                                .user = std::move(choice.user),
                                .end_user = api::member_text(chat, "user"),
                                .own_keys = std::move(choice.own_keys),
                                .header = header,
                                .client_timeout = {},
                                .received_at = moment.now,
                                .started_at = moment.time};
    RoutingView const view{.snapshot = snapshot, .request = request, .dialects = dialects, .in_full = true};
    RoutingMoment const at{.now = moment.now, .time = moment.time, .draw = question.seed.value_or(moment.draw)};
    SLUICE_TRY(auto routing, gather_routing(view, at));
    RequestFacts classified = chat.facts;
    if (routing.model->classifier && routing.bound_complexity) {
        classified.complexity = *routing.bound_complexity;
        routing.facts = &classified;
    }
    auto const plan = make_plan(routing.input());
    return answer(view, routing, plan, book).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace sluice::explain
