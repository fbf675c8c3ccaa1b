#include "server/lab/control.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

namespace sluice::lab {
namespace {

using json = nlohmann::ordered_json;
constexpr std::string_view json_type = "application/json";

bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

json model_json(std::string const& name) {
    return {{"id", name}, {"object", "model"}, {"created", 1767225600}, {"owned_by", "lab"}};
}

Answer model_list(Shared const& shared, Context const& context) {
    json out{{"object", "list"}, {"data", json::array()}};
    for (auto const& name : shared.scenarios->names()) out["data"].push_back(model_json(name));
    return plain_answer(200, json_type, out.dump(), context);
}

Answer provider_models(std::string_view name, Shared const& shared, Context const& context) {
    auto found = shared.providers.find(name);
    if (found == shared.providers.end())
        return plain_error(404, "the lab imitates no such provider", "unknown_provider", context);
    json out{{"object", "list"}, {"data", json::array()}};
    for (auto const& id : found->second.models()) out["data"].push_back(model_json(id));
    return plain_answer(200, json_type, out.dump(), context);
}

Answer one_model(std::string_view id, Shared const& shared, Context const& context) {
    auto names = shared.scenarios->names();
    if (std::ranges::find(names, id) == names.end())
        return plain_error(404, "The model does not exist in the lab", "model_not_found", context);
    return plain_answer(200, json_type, model_json(std::string(id)).dump(), context);
}

Answer set_scenario(Request const& request, Shared& shared, Context const& context) {
    auto wanted = nlohmann::json::parse(request.body.empty() ? "{}" : request.body, nullptr, false);
    if (wanted.is_discarded()) return plain_error(400, "the body is not JSON", "invalid_json", context);
    if (wanted.is_object() && wanted.contains("listener")) {
        auto set = shared.listener.set(wanted["listener"]);
        if (!set) return plain_error(400, set.error(), "invalid_listener", context);
        wanted.erase("listener");
        if (wanted.empty()) return plain_answer(200, json_type, "{\"ok\":true}\n", context);
    }
    auto set = shared.scenarios->set_outage(wanted);
    if (!set) return plain_error(400, set.error(), "invalid_scenario", context);
    return plain_answer(200, json_type, "{\"ok\":true}\n", context);
}

Answer lab_page(std::string_view page, Request const& request, Shared& shared, Context const& context) {
    bool is_post = request.method == "POST";
    if (page == "stats") return plain_answer(200, json_type, shared.stats.stats_json(), context);
    if (page == "last") return plain_answer(200, json_type, shared.stats.requests_json(1), context);
    if (page == "recent") return plain_answer(200, json_type, shared.stats.requests_json(8), context);
    if (page == "bill") return plain_answer(200, json_type, shared.stats.bill_json(), context);
    if (page == "scenario" && is_post) return set_scenario(request, shared, context);
    if (page == "reset" && is_post) {
        shared.stats.reset();
        std::ignore = shared.listener.set(nlohmann::json::object());
        std::ignore = shared.scenarios->set_outage(nlohmann::json::object());
        return plain_answer(200, json_type, "{\"ok\":true}\n", context);
    }
    return plain_error(404, "there is no such page in the lab", "not_found", context);
}

}  // namespace

Route route_of(std::string_view target) {
    auto path = target.substr(0, target.find('?'));
    Route route;
    if (take_prefix(path, "/providers/")) {
        route.provider = path.substr(0, path.find('/'));
        path.remove_prefix(route.provider.size());
        route.path = target.substr(static_cast<std::size_t>(path.data() - target.data()));
        route.to = path.ends_with("/models") ? Route::To::models : Route::To::chat;
        return route;
    }
    if (take_prefix(path, "/with/")) {
        auto slash = std::min(path.find('/'), path.size());
        route.scenario = path.substr(0, slash);
        path.remove_prefix(slash);
    }
    if (take_prefix(path, "/lab/")) {
        route.to = Route::To::control;
        route.rest = path;
        return route;
    }
    while (path.starts_with("//")) path.remove_prefix(1);
    if (path.starts_with("/v1/")) path.remove_prefix(3);
    if (path == "/" || path.empty()) route.to = Route::To::home;
    if (path == "/chat/completions") route.to = Route::To::chat;
    if (path == "/models") route.to = Route::To::models;
    if (take_prefix(path, "/models/")) {
        route.to = Route::To::model;
        route.rest = path;
    }
    return route;
}

Answer answer_control(Route const& route, Request const& request, Shared& shared, Context const& context) {
    using To = Route::To;
    if (route.to == To::control) return lab_page(route.rest, request, shared, context);
    if (route.to == To::chat) return plain_error(405, "use POST for chat completions", "method_not_allowed", context);
    if (!route.provider.empty() && route.to == To::models) return provider_models(route.provider, shared, context);
    if (route.to == To::models) return model_list(shared, context);
    if (route.to == To::model) return one_model(route.rest, shared, context);
    if (route.to == To::home)
        return plain_answer(200, "text/plain",
                            "The Sluice lab: an upstream that misbehaves on request.\n"
                            "POST /v1/chat/completions   GET /v1/models   GET /lab/stats, /lab/last, /lab/bill\n",
                            context);
    return plain_error(404, "Unknown request URL", "unknown_url", context);
}

}  // namespace sluice::lab
