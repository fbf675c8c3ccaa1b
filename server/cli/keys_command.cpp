#include "server/cli/keys_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/text.hpp"
#include "server/cli/exit_code.hpp"
#include "server/keys/key_text.hpp"

namespace sluice::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string dumped(Json const& json, int indent = -1) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// A segment of a path.
std::string escaped(std::string_view text) {
    std::string out;
    for (char const c : text) {
        bool const is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                              c == '_' || c == '~';
        out += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

int exit_code_for(int status) {
    if (status == 401 || status == 403) return exit_refused;
    return status < 400 ? exit_ok : exit_failed;
}

/// The answer as JSON if all went well; else says what was wrong.
std::optional<Json> ask(AdminClient& client, std::string const& method, std::string const& path,
                        std::string const& body, int& exit_code) {
    auto const answer = client.ask(method, path, body);
    if (!answer) {
        fmt::print(stderr, "sluice: no gateway there: {}\n", answer.error().detail.str());
        exit_code = exit_unavailable;
        return std::nullopt;
    }
    auto json = Json::parse(answer->body, nullptr, false);
    exit_code = exit_code_for(answer->status);
    if (answer->status < 400 && json.is_object()) return json;
    bool const says_why = json.is_object() && json.contains("error") && json["error"].is_object();
    fmt::print(stderr, "sluice: {}\n", says_why ? json["error"].value("message", answer->body) : answer->body);
    if (exit_code == exit_ok) exit_code = exit_failed;
    return std::nullopt;
}

/// "5/day" and "env=prod" in two; false: the mark is missing.
bool split(std::string const& text, char mark, std::string& before, std::string& behind) {
    auto const at = text.find(mark);
    if (at == std::string::npos || at == 0 || at + 1 == text.size()) return false;
    before = text.substr(0, at);
    behind = text.substr(at + 1);
    return true;
}

bool refuse(std::string_view option, std::string_view wanted, std::string const& given) {
    fmt::print(stderr, "sluice: {} takes {}, not '{}'\n", option, wanted, given);
    return false;
}

void add(Json& json, char const* name, std::vector<std::string> const& texts) {
    if (!texts.empty()) json[name] = texts;
}

/// Puts what the flags say into `json`. False: they can't be read, which stderr says.
bool write(NewSettings const& settings, Json& json) {
    if (!settings.json.empty()) {
        auto const more = Json::parse(settings.json, nullptr, false);
        if (!more.is_object()) return refuse("--settings", "a JSON object", settings.json);
        json.update(more);
    }
    if (!settings.team.empty()) json["team"] = settings.team;
    if (!settings.description.empty()) json["description"] = settings.description;
    if (!settings.expires.empty()) json["expires"] = settings.expires;
    add(json, "models", settings.models);
    add(json, "networks", settings.networks);
    add(json, "endpoints", settings.endpoints);
    if (settings.rpm) json["rate"]["rpm"] = *settings.rpm;
    if (settings.tpm) json["rate"]["tpm"] = *settings.tpm;
    if (settings.concurrent) json["rate"]["concurrent"] = *settings.concurrent;
    std::string before, behind;
    for (auto const& budget : settings.budgets) {
        if (!split(budget, '/', before, behind)) return refuse("--budget", "USD/PERIOD, like 5/day", budget);
        json["budget"].push_back({{"usd", before}, {"per", behind}});
    }
    for (auto const& tag : settings.tags) {
        if (!split(tag, '=', before, behind)) return refuse("--tag", "NAME=VALUE", tag);
        json["tags"][before] = behind;
    }
    return true;
}

std::string word(Json const& json, char const* name) {
    auto const found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string("-");
}

/// A row for each object, as wide as its widest.
void print_table(Json const& rows, std::vector<char const*> const& columns) {
    std::vector<std::size_t> widths;
    for (auto const* const column : columns) {
        std::size_t width = std::string_view(column).size();
        for (auto const& row : rows) width = std::max(width, word(row, column).size());
        widths.push_back(width);
    }
    for (std::size_t i = 0; i < columns.size(); ++i) fmt::print("{:<{}}  ", columns[i], widths[i]);
    fmt::print("\n");
    for (auto const& row : rows) {
        for (std::size_t i = 0; i < columns.size(); ++i) fmt::print("{:<{}}  ", word(row, columns[i]), widths[i]);
        fmt::print("\n");
    }
}

/// A key for the configuration: nothing is stored.
int print_hash(KeysOptions const& options) {
    auto const text = keys::make_key_text();
    if (text.empty()) return exit_failed;
    auto const hash = "sha256:" + config::sha256_hex(text);
    if (options.json) {
        fmt::print("{}\n", dumped(Json{{"name", options.name}, {"key", text}, {"hash", hash}}));
        return exit_ok;
    }
    fmt::print(stderr, "The key, shown this once:\n{}\nIts entry under `keys`:\n", text);
    fmt::print("- name: {}\n  hash: {}\n", options.name, hash);
    return exit_ok;
}

int print_new_key(Json const& made, KeysOptions const& options) {
    if (options.json) {
        fmt::print("{}\n", dumped(made));
        return exit_ok;
    }
    fmt::print(stderr, "{} ({}): the key is shown this once\n", word(made, "name"), word(made, "id"));
    fmt::print("{}\n", word(made, "key"));
    return exit_ok;
}

struct Step {
    std::string method{};
    std::string path{};
    std::string body{};
};

Step step_for(KeysOptions const& options) {
    std::string const one = "/admin/keys/" + escaped(options.name);
    std::string const cut = options.cut ? "?cut=true" : "";
    switch (options.action) {
        case KeysAction::list:
            return {"GET",
                    "/admin/keys" + (options.settings.team.empty() ? "" : "?team=" + escaped(options.settings.team))};
        case KeysAction::show:
            return {"GET", one};
        case KeysAction::rotate:
            return {"POST", one + "/rotate", dumped(Json{{"overlap", options.overlap}})};
        case KeysAction::disable:
            return {"PATCH", one + cut, R"({"disabled":true})"};
        case KeysAction::enable:
            return {"PATCH", one, R"({"disabled":false})"};
        case KeysAction::remove:
            return {"DELETE", one + cut};
        case KeysAction::create:
            break;
    }
    return {"POST", "/admin/keys"};
}

void print_done(Json const& answer, KeysOptions const& options) {
    if (options.json || options.action == KeysAction::show) {
        fmt::print("{}\n", dumped(answer, options.json ? -1 : 2));
    } else if (options.action == KeysAction::list) {
        print_table(answer["keys"], {"name", "id", "team", "state", "prefix", "expires", "source"});
    } else {
        auto const what = options.action == KeysAction::remove ? "deleted" : word(answer, "state");
        fmt::print("{} is {}", options.name, what);
        if (answer.contains("cut")) fmt::print("; {} requests were ended", dumped(answer["cut"]));
        fmt::print("\n");
    }
}

}  // namespace

int run_keys(KeysOptions const& options) {
    if (options.hash_only) return print_hash(options);
    auto step = step_for(options);
    if (options.action == KeysAction::create) {
        Json json{{"name", options.name}};
        if (!write(options.settings, json)) return exit_usage;
        step.body = dumped(json);
    }
    int exit_code = exit_ok;
    bool const makes = options.action == KeysAction::create;
    auto const client = connect_admin(options.address, makes ? DatabaseNeed::make : DatabaseNeed::there, exit_code);
    if (!client) return exit_code;
    auto const answer = ask(*client, step.method, step.path, step.body, exit_code);
    if (!answer) return exit_code;
    if (makes || options.action == KeysAction::rotate) return print_new_key(*answer, options);
    print_done(*answer, options);
    return exit_ok;
}

int run_teams(TeamsOptions const& options) {
    std::string const one = "/admin/teams/" + escaped(options.name);
    Step step{"GET", options.action == TeamsAction::list ? "/admin/teams" : one};
    if (options.action == TeamsAction::remove) step.method = "DELETE";
    if (options.action == TeamsAction::create) {
        Json json{{"name", options.name}};
        if (!write(options.settings, json)) return exit_usage;
        step = {"POST", "/admin/teams", dumped(json)};
    }
    int exit_code = exit_ok;
    bool const makes = options.action == TeamsAction::create;
    auto const client = connect_admin(options.address, makes ? DatabaseNeed::make : DatabaseNeed::there, exit_code);
    if (!client) return exit_code;
    auto const answer = ask(*client, step.method, step.path, step.body, exit_code);
    if (!answer) return exit_code;
    if (options.json || options.action == TeamsAction::show) {
        fmt::print("{}\n", dumped(*answer, options.json ? -1 : 2));
    } else if (options.action == TeamsAction::list) {
        print_table((*answer)["teams"], {"name", "description", "source"});
    } else {
        fmt::print("{} is {}\n", options.name, makes ? "there" : "deleted");
    }
    return exit_ok;
}

}  // namespace sluice::cli
