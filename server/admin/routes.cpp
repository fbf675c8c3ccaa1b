#include "server/admin/routes.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "server/admin/handlers.hpp"
#include "server/http/target.hpp"

namespace sluice::admin {
namespace {

constexpr std::array no_query{Parameter{"", ""}};
constexpr std::span<Parameter const> nothing{no_query.data(), 0};
constexpr std::array keys_query{Parameter{"team", "Only keys of this team."}};
constexpr std::array cut_query{
    Parameter{"cut", "`true`: also ends what is under way with the key, and with those that it was rotated from."}};
constexpr std::array limits_query{
    Parameter{"kind", "Only of this kind: key, team, tag, user, model, provider or target."},
    Parameter{"name", "Only of this name."}};
constexpr std::array usage_query{
    Parameter{"by", "What a row is about: key (the default), team, model, provider, target, tag, user or day."},
    Parameter{"since", "From then on: a date, a time, or a duration before now (`7d`); 30 days ago unless given."},
    Parameter{"until", "Up to then, as above; now unless given."},
    Parameter{"key", "Only calls with this key, by id or name."},
    Parameter{"team", "Only calls of this team."},
    Parameter{"model", "Only calls for this model."},
    Parameter{"provider", "Only calls to this provider."},
    Parameter{"target", "Only calls to this target, PROVIDER/UPSTREAM-MODEL."},
    Parameter{"tag", "Only calls with this tag, NAME=VALUE."},
    Parameter{"user", "Only calls of this end user."}};

constexpr std::array table{
    Route{"GET", "/admin/keys", Power::team, "All keys, those of the configuration first.", "", "Keys", 200, keys_query,
          list_keys},
    Route{"POST", "/admin/keys", Power::team, "Makes a key. The answer holds its text, which is kept nowhere.", "Key",
          "NewKey", 201, nothing, create_key},
    Route{"GET", "/admin/keys/{id}", Power::team, "One key, by its id or its name.", "", "StoredKey", 200, nothing,
          show_key},
    Route{"PATCH", "/admin/keys/{id}", Power::team,
          "Changes what the body names; null takes it away. In force with the next request.", "KeyPatch", "StoredKey",
          200, cut_query, change_key},
    Route{"DELETE", "/admin/keys/{id}", Power::team, "Removes a key. What it has used stays in the ledger.", "", "Done",
          200, cut_query, remove_key},
    Route{"POST", "/admin/keys/{id}/rotate", Power::team,
          "Makes a key with the same settings, name and account. The old one is good for `overlap` more (24h unless "
          "given), under another name.",
          "Rotation", "NewKey", 201, nothing, rotate_key},
    Route{"GET", "/admin/teams", Power::team, "All teams.", "", "Teams", 200, nothing, list_teams},
    Route{"POST", "/admin/teams", Power::all, "Makes a team.", "Team", "StoredTeam", 201, nothing, create_team},
    Route{"GET", "/admin/teams/{name}", Power::team, "One team.", "", "StoredTeam", 200, nothing, show_team},
    Route{"PATCH", "/admin/teams/{name}", Power::all, "Changes what the body names; null takes it away.", "TeamPatch",
          "StoredTeam", 200, nothing, change_team},
    Route{"DELETE", "/admin/teams/{name}", Power::all, "Removes a team that no key is in.", "", "Done", 200, nothing,
          remove_team},
    Route{"GET", "/admin/limits", Power::team, "How far each limit is used, and when it begins anew.", "", "Limits",
          200, limits_query, list_limits},
    Route{"GET", "/admin/usage", Power::team, "What was used and what it cost, from the ledger.", "", "Usage", 200,
          usage_query, show_usage},
    Route{"GET", "/admin/ledger/verify", Power::all, "Checks the ledger's sums against its lines.", "", "Faults", 200,
          nothing, verify_ledger},
    Route{"GET", "/admin/requests", Power::team, "Requests under way.", "", "Requests", 200, nothing, list_requests},
    Route{"DELETE", "/admin/requests/{id}", Power::team,
          "Ends a request under way: a stream gets an error event, and is charged for what it used.", "", "Done", 200,
          nothing, cut_request},
    Route{"GET", "/admin/targets", Power::all, "Health of providers, targets and credentials.", "", "Targets", 200,
          nothing, list_targets},
    Route{"POST", "/admin/explain", Power::all,
          "Where a request would go, and why, and what limits say to it; sends and reserves nothing. Without any admin "
          "token it answers on the same machine.",
          "Question", "Explanation", 200, nothing, explain_choice},
    Route{"POST", "/admin/reload", Power::all, "Reads the configuration anew.", "", "Reloaded", 200, nothing, reload},
    Route{"GET", "/admin/openapi.json", Power::none, "This API as an OpenAPI 3.1 document.", "", "OpenApi", 200,
          nothing, show_openapi},
};

std::vector<std::string_view> segments(std::string_view path) {
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        path.remove_prefix(1);
        auto const end = path.find('/');
        parts.push_back(path.substr(0, end));
        path.remove_prefix(end == std::string_view::npos ? path.size() : end);
    }
    return parts;
}

/// Whether `path` is `pattern`, with what stands in its braces; case and slashes count.
bool fits(std::string_view pattern, std::string_view path, std::string& id) {
    auto const wanted = segments(pattern);
    auto const given = segments(path);
    if (wanted.size() != given.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (!wanted[i].starts_with('{')) {
            if (wanted[i] != given[i]) return false;
            continue;
        }
        auto decoded = http::decode_id(given[i]);
        if (!decoded || decoded->empty()) return false;
        id = *std::move(decoded);
    }
    return true;
}

Error query_error(std::string const& name, std::string_view what) {
    return {.kind = ErrorKind::invalid_value,
            .message = "the query parameter '" + shown(name) + "' " + std::string(what),
            .param = shown(name)};
}

/// "a=b&c=d", each name one that the route knows, and once.
Result<std::map<std::string, std::string>> read_query(std::string_view text, Route const& route) {
    std::map<std::string, std::string> query;
    while (!text.empty()) {
        auto const pair = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(text.size(), pair.size() + 1));
        if (pair.empty()) continue;
        std::string const name(pair.substr(0, pair.find('=')));
        std::string raw(pair.substr(std::min(pair.size(), name.size() + 1)));
        std::ranges::replace(raw, '+', ' ');
        auto value = http::decode_id(raw);
        if (std::ranges::find(route.query, name, &Parameter::name) == route.query.end())
            return std::unexpected(query_error(name, "is unknown here"));
        if (!value) return std::unexpected(query_error(name, "has a broken escape"));
        if (!query.try_emplace(name, *std::move(value)).second)
            return std::unexpected(query_error(name, "stands twice"));
    }
    return query;
}

}  // namespace

std::span<Route const> routes() { return table; }

Answer error_answer(Error const& error) { return {.status = status_of(error), .body = to_error_body(error)}; }

Found find_route(std::string_view method, std::string_view path) {
    Found found;
    std::string allow;
    auto const wanted = method == "HEAD" ? std::string_view("GET") : method;
    for (auto const& route : table) {
        std::string id;
        if (!fits(route.path, path, id)) continue;
        if (route.method == wanted) return {.route = &route, .id = std::move(id)};
        allow += (allow.empty() ? "" : ", ") + std::string(route.method) + (route.method == "GET" ? ", HEAD" : "");
    }
    if (allow.empty()) {
        found.refusal = error_answer({.kind = ErrorKind::unknown_route, .message = "the admin API has no such path"});
    } else {
        found.refusal = error_answer({.kind = ErrorKind::method_not_allowed});
        found.refusal.allow = std::move(allow);
    }
    return found;
}

std::optional<Answer> refuse(Route const& route, std::optional<keys::Grantor> const& who) {
    if (route.needs == Power::none) return std::nullopt;
    if (!who) {
        return error_answer({.kind = ErrorKind::invalid_api_key,
                             .message = "missing or invalid admin token; send it as 'Authorization: Bearer <token>'"});
    }
    if (route.needs == Power::all && !who->all)
        return error_answer({.kind = ErrorKind::permission_denied, .message = "this admin token may not do that"});
    return std::nullopt;
}

Answer answer(AdminParts const& parts, Found const& found, keys::Grantor const& who, Request const& request) {
    Route const& route = *found.route;
    if (parts.directory == nullptr && route.needs == Power::team)
        return error_answer(keys::not_found("nothing keeps keys here"));
    auto query = read_query(request.query, route);
    if (!query) return error_answer(query.error());
    if (route.takes.empty() && !request.body.empty())
        return error_answer({.kind = ErrorKind::invalid_value, .message = "this path takes no body"});
    return route.handler({.parts = parts,
                          .who = who,
                          .id = found.id,
                          .query = *std::move(query),
                          .body = request.body,
                          .now = request.now});
}

Answer answer(AdminParts const& parts, keys::Grantor const& who, Request const& request) {
    auto const found = find_route(request.method, request.path);
    if (found.route == nullptr) return found.refusal;
    if (auto refusal = refuse(*found.route, who)) return *std::move(refusal);
    return answer(parts, found, who, request);
}

}  // namespace sluice::admin
