#include "server/api/api.hpp"

namespace sluice::api {

Task<> Api::list_models(Visit& visit) {
    std::string body = R"({"object":"list","data":[)";
    for (auto const& card : visit.runtime.cards->cards()) {
        if (!allows_model(visit.caller.models, card.name)) continue;
        if (!body.ends_with('[')) body += ',';
        body += card.json;
    }
    body += "]}";
    co_await answer_json(visit, "/v1/models", std::move(body));
}

Task<> Api::show_model(Visit& visit) {
    constexpr std::string_view route = "/v1/models/{id}";
    auto const& snapshot = *visit.runtime.snapshot;
    auto const id = http::decode_id(visit.id);
    auto const match = id && allows_model(visit.caller.models, *id) ? snapshot.find_model(*id) : std::nullopt;
    if (!match) {
        auto const name = id ? shown(*id) : shown(visit.id);
        Error missing{
            .kind = ErrorKind::model_not_found, .message = "the model '" + name + "' does not exist", .param = "model"};
        co_return co_await refuse(visit, missing);
    }
    co_await answer_json(visit, route, model_card(snapshot, *id, *match, visit.runtime.loaded_at));
}

}  // namespace sluice::api
