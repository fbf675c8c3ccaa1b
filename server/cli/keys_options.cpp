#include "server/cli/keys_options.hpp"

#include <CLI/CLI.hpp>
#include <memory>

#include "server/cli/keys_command.hpp"

namespace sluice::cli {
namespace {

using Action = std::function<int()>;

void add_address(CLI::App& command, AdminAddress& address, bool& json) {
    command.add_option("--admin", address.admin_url, "admin URL of a running gateway; else the database itself");
    command.add_option("--token-file", address.token_file, "file with the admin token");
    command.add_option("--token", address.token, "better in SLUICE_ADMIN_TOKEN")
        ->envname("SLUICE_ADMIN_TOKEN")
        ->group("");
    command.add_option("-c,--config", address.config_file, "configuration file")->envname("SLUICE_CONFIG");
    command.add_flag("--json", json, "for scripts");
}

void add_limits(CLI::App& command, NewSettings& settings) {
    command.add_option("--model", settings.models, "a model that may be used, again for each; else all");
    command.add_option("--budget", settings.budgets, "USD/PERIOD, like 5/day, again for each");
    command.add_option("--rpm", settings.rpm, "requests in a minute");
    command.add_option("--tpm", settings.tpm, "tokens in a minute");
    command.add_option("--concurrent", settings.concurrent, "requests at a time");
    command.add_option("--tag", settings.tags, "NAME=VALUE, again for each");
    command.add_option("--settings", settings.json, "all else: a JSON object by the words of the configuration");
}

std::shared_ptr<KeysOptions> add_keys_command(CLI::App& keys, Action& action, std::string const& name, KeysAction what,
                                              std::string const& text) {
    auto options = std::make_shared<KeysOptions>();
    options->action = what;
    auto* const command = keys.add_subcommand(name, text);
    add_address(*command, options->address, options->json);
    if (what != KeysAction::list) command->add_option("name", options->name, "name or id of the key")->required();
    bool const may_cut = what == KeysAction::disable || what == KeysAction::remove;
    if (may_cut) command->add_flag("--cut", options->cut, "end what is under way with it, too (needs --admin)");
    command->callback([options, &action] { action = [options] { return run_keys(*options); }; });
    return options;
}

void add_teams(CLI::App& app, Action& action) {
    auto* const teams = app.add_subcommand("teams", "Teams that are kept in the database");
    teams->require_subcommand(1);
    auto add = [teams, &action](std::string const& name, TeamsAction what, std::string const& text) {
        auto options = std::make_shared<TeamsOptions>();
        options->action = what;
        auto* const command = teams->add_subcommand(name, text);
        add_address(*command, options->address, options->json);
        if (what != TeamsAction::list) command->add_option("name", options->name, "name of the team")->required();
        if (what == TeamsAction::create) {
            command->add_option("--description", options->settings.description, "for people");
            add_limits(*command, options->settings);
        }
        command->callback([options, &action] { action = [options] { return run_teams(*options); }; });
    };
    add("create", TeamsAction::create, "Make a team");
    add("list", TeamsAction::list, "All teams");
    add("show", TeamsAction::show, "One team");
    add("delete", TeamsAction::remove, "Remove a team that no key is in");
}

}  // namespace

void add_keys(CLI::App& app, Action& action) {
    auto* const keys = app.add_subcommand("keys", "Keys that are kept in the database");
    keys->require_subcommand(1);
    keys->footer(
        "With --admin a running gateway is asked; else the configuration's database is changed, and gateways see it\n"
        "within a second.\n"
        "Examples:\n  sluice keys create ci --team search --budget 5/day -c sluice.yaml\n"
        "  sluice keys rotate ci --overlap 24h --admin http://127.0.0.1:9090");
    auto const create = add_keys_command(*keys, action, "create", KeysAction::create, "Make a key; it is shown once");
    auto* const command = keys->get_subcommand("create");
    command->add_option("--team", create->settings.team, "whose limits it shares");
    add_limits(*command, create->settings);
    command->add_option("--network", create->settings.networks, "from where it may be used, again for each");
    command->add_option("--endpoint", create->settings.endpoints, "what it may be used for, again for each");
    command->add_option("--expires", create->settings.expires, "date or time");
    command->add_flag("--hash-only", create->hash_only, "store nothing: print an entry for the configuration");
    auto const list = add_keys_command(*keys, action, "list", KeysAction::list, "All keys");
    keys->get_subcommand("list")->add_option("--team", list->settings.team, "only keys of this team");
    add_keys_command(*keys, action, "show", KeysAction::show, "One key, without its text");
    auto const rotate = add_keys_command(*keys, action, "rotate", KeysAction::rotate,
                                         "Make a key with the same settings; the old one expires");
    keys->get_subcommand("rotate")->add_option("--overlap", rotate->overlap, "how long the old one is good (24h)");
    add_keys_command(*keys, action, "disable", KeysAction::disable, "Refuse a key from the next request on");
    add_keys_command(*keys, action, "enable", KeysAction::enable, "Accept it again");
    add_keys_command(*keys, action, "delete", KeysAction::remove, "Remove a key");
    add_teams(app, action);
}

}  // namespace sluice::cli
