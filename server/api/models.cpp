#include <fmt/format.h>

#include <unordered_set>

#include "server/api/api.hpp"

namespace sluice::api {
namespace {

std::string model_object(std::string_view name, ModelRuntime const& model, Runtime const& runtime) {
    auto const owner =
        model.targets.empty() ? "sluice" : std::string_view(model.targets.front().provider->settings->name);
    return fmt::format(R"({{"id":{},"object":"model","created":{},"owned_by":{}}})", json_quoted(name),
                       runtime.loaded_at.time_since_epoch().count(), json_quoted(owner));
}

}  // namespace

/// Exact names as configured, and behind a wildcard the names that the catalogue knows, in the order of the file.
Task<> Api::list_models(Visit& visit) {
    std::string body = R"({"object":"list","data":[)";
    std::unordered_set<std::string_view> seen;
    auto add = [&body, &seen, &visit](std::string const& name, ModelRuntime const& model) {
        if (!allows_model(visit.caller.models, name) || !seen.insert(name).second) return;
        if (!body.ends_with('[')) body += ',';
        body += model_object(name, model, visit.runtime);
    };
    for (auto const& model : visit.runtime.snapshot->models()) {
        if (model.settings->name.find('*') == std::string::npos) add(model.settings->name, model);
        for (auto const& name : model.settings->listed) add(name, model);
    }
    body += "]}";
    co_await answer_json(visit, "/v1/models", std::move(body));
}

Task<> Api::show_model(Visit& visit) {
    constexpr std::string_view route = "/v1/models/{id}";
    auto const id = http::decode_id(visit.id);
    auto const match =
        id && allows_model(visit.caller.models, *id) ? visit.runtime.snapshot->find_model(*id) : std::nullopt;
    if (!match) {
        auto const name = id ? shown(*id) : shown(visit.id);
        Error missing{
            .kind = ErrorKind::model_not_found, .message = "the model '" + name + "' does not exist", .param = "model"};
        co_return co_await refuse(visit.request, route, &visit.caller, std::move(missing));
    }
    co_await answer_json(visit, route, model_object(*id, *match->model, visit.runtime));
}

}  // namespace sluice::api
