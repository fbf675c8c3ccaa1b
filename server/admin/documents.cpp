#include "server/admin/documents.hpp"

#include <nlohmann/json.hpp>

#include "config/written_json.hpp"
#include "server/admin/handlers.hpp"

namespace sluice::admin {
namespace {

using Json = nlohmann::ordered_json;

Json text(std::string_view description) { return Json{{"type", "string"}, {"description", description}}; }
Json whole(std::string_view description) { return Json{{"type", "integer"}, {"description", description}}; }
Json number(std::string_view description) { return Json{{"type", "number"}, {"description", description}}; }
Json flag(std::string_view description) { return Json{{"type", "boolean"}, {"description", description}}; }

Json object(Json properties) { return Json{{"type", "object"}, {"properties", std::move(properties)}}; }

Json list(Json items) { return Json{{"type", "array"}, {"items", std::move(items)}}; }

Json reference(std::string_view name) { return Json{{"$ref", "#/components/schemas/" + std::string(name)}}; }

Json list_of(std::string_view member, Json items) {
    Json properties;
    properties[std::string(member)] = list(std::move(items));
    return object(std::move(properties));
}

/// Where every member may be left out, and null takes one away.
Json patch_of(Json schema) {
    schema.erase("required");
    for (auto& property : schema["properties"]) property = Json{{"anyOf", Json::array({property, {{"type", "null"}}})}};
    return schema;
}

/// What is read, and what the store adds to it.
Json stored(Json schema, Json const& more) {
    schema["properties"].update(more);
    schema.erase("additionalProperties");
    return schema;
}

Json key_schemas() {
    auto const key = Json::parse(config::written_schema(config::written_key_section()));
    Json const more{{"id", text("Public; of a key of the configuration its name.")},
                    {"prefix", text("The beginning of its text.")},
                    {"state", {{"enum", {"active", "disabled", "expired", "unusable"}}}},
                    {"created", text("Time, UTC.")},
                    {"account", text("Id that limits and the ledger know it by, where that is another key's.")},
                    {"source", {{"enum", {"configuration", "database"}}}},
                    {"cut", whole("Requests that were ended.")}};
    auto fresh = stored(key, more);
    fresh["properties"]["key"] = text("The key itself: shown once.");
    return Json{{"Key", key},
                {"KeyPatch", patch_of(key)},
                {"StoredKey", stored(key, more)},
                {"NewKey", fresh},
                {"Keys", list_of("keys", reference("StoredKey"))},
                {"Rotation",
                 {{"type", "object"},
                  {"properties", {{"overlap", text("How long the old key stays good: `24h`.")}}},
                  {"additionalProperties", false}}}};
}

Json team_schemas() {
    auto const team = Json::parse(config::written_schema(config::written_team_section()));
    Json const more{{"source", {{"enum", {"configuration", "database"}}}}};
    return Json{{"Team", team},
                {"TeamPatch", patch_of(team)},
                {"StoredTeam", stored(team, more)},
                {"Teams", list_of("teams", reference("StoredTeam"))}};
}

Json limit_schema() {
    return object({{"kind", {{"enum", {"key", "team", "tag", "user", "model", "provider", "target"}}}},
                   {"name", text("Whose limit it is; of a key its id.")},
                   {"key", text("The key's name.")},
                   {"of", {{"enum", {"money", "requests", "tokens", "concurrent"}}}},
                   {"per", text("day, week, month, total, or a duration.")},
                   {"rolling", flag("Whether the duration rolls.")},
                   {"most", whole("Of money in billionths of a US dollar, like the next two.")},
                   {"settled", whole("Used in this window.")},
                   {"reserved", whole("Held for what is under way.")},
                   {"usd", object({{"most", number("The same in US dollars.")},
                                   {"settled", number("The same in US dollars.")},
                                   {"reserved", number("The same in US dollars.")}})},
                   {"window_began", text("Time, UTC.")},
                   {"resets_at", text("Time, UTC; of a rolling window when the oldest use is forgotten.")}});
}

Json usage_schema() {
    auto const row = object({{"name", text("Of a key its id.")},
                             {"key", text("The key's name; of one that is gone there is none.")},
                             {"calls", whole("That were settled.")},
                             {"failed", whole("Of these.")},
                             {"usage", {{"type", "object"}, {"description", "Tokens by kind."}}},
                             {"cost_usd", number("US dollars; exact beside it.")},
                             {"cost_nano_usd", whole("Billionths of a US dollar.")},
                             {"sheet_cost_nano_usd", whole("By our prices.")},
                             {"estimated", whole("Calls whose tokens were counted here.")},
                             {"open", whole("Calls under way.")},
                             {"reserved_nano_usd", whole("Held for these.")}});
    return object({{"by", text("What a row is about.")},
                   {"since", text("Time, UTC.")},
                   {"until", text("Time, UTC.")},
                   {"rows", list(row)}});
}

Json request_schema() {
    return object({{"id", text("x-request-id.")},
                   {"key_id", text("Of its key.")},
                   {"key", text("Its key's name.")},
                   {"team", text("Its key's team.")},
                   {"model", text("As the client wrote it.")},
                   {"client", text("Address.")},
                   {"stream", flag("Whether the answer is streamed.")},
                   {"started", text("Time, UTC.")},
                   {"age_ms", whole("Since then.")}});
}

Json target_schema() {
    auto const any = object(Json::object());
    return object({{"providers", list(any)}, {"targets", list(any)}, {"credentials", list(any)}});
}

Json error_schema() {
    return object({{"error", object({{"message", text("What was wrong, and what would be right.")},
                                     {"type", text("Kind of error.")},
                                     {"param", {{"type", {"string", "null"}}}},
                                     {"code", text("For programs.")}})}});
}

Json schemas() {
    Json all = key_schemas();
    all.update(team_schemas());
    all["Limits"] = list_of("limits", limit_schema());
    all["Usage"] = usage_schema();
    all["Faults"] = list_of("faults", text("One sentence; none: all is as it should be."));
    all["Requests"] = list_of("requests", request_schema());
    all["Targets"] = target_schema();
    all["Question"] = object({{"model", text("That a client asks for.")},
                              {"key", text("Name of the key that it comes with.")},
                              {"headers", {{"type", "object"}}},
                              {"body", {{"type", "object"}}},
                              {"seed", whole("The same seed, the same choice.")}});
    all["Explanation"] = object({{"order", list(object(Json::object()))}});
    all["Reloaded"] = object({{"hash", text("Of the configuration in force.")}});
    all["Done"] = object({{"id", text("Of what it was done to.")},
                          {"name", text("Of a team.")},
                          {"deleted", flag("It is gone.")},
                          {"cut", whole("Requests that were ended.")}});
    all["OpenApi"] = object(Json::object());
    all["Error"] = error_schema();
    return all;
}

Json content(std::string_view schema) { return Json{{"application/json", {{"schema", reference(schema)}}}}; }

Json parameters_of(Route const& route) {
    Json all = Json::array();
    if (auto const open = route.path.find('{'); open != std::string_view::npos) {
        auto const name = route.path.substr(open + 1, route.path.find('}') - open - 1);
        all.push_back({{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
    }
    for (auto const& parameter : route.query) {
        all.push_back({{"name", parameter.name},
                       {"in", "query"},
                       {"description", parameter.sentence},
                       {"schema", {{"type", "string"}}}});
    }
    return all;
}

std::string_view word_of(Power power) { return power == Power::none ? "none" : power == Power::team ? "team" : "all"; }

Json operation_of(Route const& route) {
    Json operation{{"summary", route.sentence}, {"x-sluice-power", word_of(route.needs)}};
    operation["security"] = route.needs == Power::none ? Json::array() : Json::array({{{"token", Json::array()}}});
    if (auto parameters = parameters_of(route); !parameters.empty()) operation["parameters"] = std::move(parameters);
    if (!route.takes.empty()) {
        bool const is_optional = route.takes == "Rotation";
        operation["requestBody"] = Json{{"required", !is_optional}, {"content", content(route.takes)}};
    }
    operation["responses"][std::to_string(route.success)] =
        Json{{"description", route.gives}, {"content", content(route.gives)}};
    operation["responses"]["default"] = Json{{"description", "Error"}, {"content", content("Error")}};
    return operation;
}

std::string lower(std::string_view method) {
    std::string text(method);
    for (char& c : text) c = static_cast<char>(c - 'A' + 'a');
    return text;
}

constexpr std::string_view introduction = R"(# Admin API

<!-- Generated by `sluice config admin-api` from server/admin/routes.cpp; a test compares this page with it. Don't edit. -->

On the admin listener (`server.admin_listen`), never on the data plane. `GET /admin/openapi.json` is the same as a
document for programs. Every request brings `Authorization: Bearer TOKEN`, one of `admin.token` (power *all*) or
`admin.tokens` (power *team*: that team's keys, limits, usage and requests, and nothing that its team can't do; names of
keys that it makes begin with `TEAM-`). Without any token in the configuration the API is closed, but for `explain` from
the same machine. `/metrics`, `/healthz` and `/readyz` need no token.

Bodies and answers are JSON. Unknown members and query parameters are errors, and paths are taken literally: a doubled
slash, an escape where none is needed, or another case is another path. Keys and teams are written with the words of
`keys[]` and `teams.NAME` ([configuration](configuration.md)). Amounts of money that end in `nano_usd`, and `most`,
`settled` and `reserved` of a budget, are whole billionths of a US dollar.

| | answer |
|---|---|
| no token, a wrong one, or a caller's key | 401 |
| a token without the power | 403 |
| no such path, key, team or request, or one of another team | 404 |
| what the configuration says, a name that is taken, a team with keys in it | 409 |
| anything else that is wrong with a request | 400 |
| the database does not answer | 503 |

)";

}  // namespace

std::string openapi() {
    Json document{
        {"openapi", "3.1.0"}, {"info", {{"title", "Sluice admin API"}, {"version", "1"}}}, {"paths", Json::object()}};
    for (auto const& route : routes())
        document["paths"][std::string(route.path)][lower(route.method)] = operation_of(route);
    document["components"]["schemas"] = schemas();
    document["components"]["securitySchemes"]["token"] = Json{{"type", "http"}, {"scheme", "bearer"}};
    return document.dump();
}

std::string reference_page() {
    std::string page(introduction);
    page += "| method | path | power | what it does |\n|---|---|---|---|\n";
    for (auto const& route : routes()) {
        page += "| " + std::string(route.method) + " | `" + std::string(route.path) + "` | " +
                std::string(word_of(route.needs)) + " | " + std::string(route.sentence) + " |\n";
    }
    for (auto const& route : routes()) {
        if (route.query.empty()) continue;
        page += "\n## " + std::string(route.method) + " " + std::string(route.path) +
                "\n\n| query | meaning |\n|---|---|\n";
        for (auto const& parameter : route.query)
            page += "| `" + std::string(parameter.name) + "` | " + std::string(parameter.sentence) + " |\n";
    }
    return page;
}

Answer show_openapi(Call const&) { return {.body = openapi()}; }

}  // namespace sluice::admin
