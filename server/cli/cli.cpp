#include "server/cli/cli.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <functional>

#include "config/text.hpp"
#include "server/cli/check_command.hpp"
#include "server/cli/config_command.hpp"
#include "server/cli/exit_code.hpp"
#include "server/cli/explain_command.hpp"
#include "server/cli/gateway_commands.hpp"
#include "server/cli/import_command.hpp"
#include "server/cli/keys_options.hpp"
#include "server/cli/ledger_command.hpp"
#include "server/cli/migrate_command.hpp"
#include "server/cli/models_command.hpp"
#include "server/cli/replay_command.hpp"
#include "server/cli/run_command.hpp"
#include "server/cli/usage_command.hpp"

namespace sluice::cli {
namespace {

/// What the chosen command does once the command line has been read.
using Action = std::function<int()>;

void add_run(CLI::App& app, std::vector<std::string> const& arguments, Action& action) {
    auto options = std::make_shared<RunOptions>();
    options->command = arguments;
    auto* const command = app.add_subcommand("run", "Start the gateway (the default command)");
    command->add_option("-c,--config", options->config_file, "configuration file")->envname("SLUICE_CONFIG");
    command->add_flag("--demo", options->demo, "serve the built-in lab; no key, no network");
    command->add_option("--listen", options->listen, "data plane's address")->envname("SLUICE_LISTEN");
    command->add_option("--admin-listen", options->admin_listen, "admin's address")->envname("SLUICE_ADMIN_LISTEN");
    command->add_option("--port-file", options->port_file, "write the ports here once ready (JSON)");
    command->add_flag("-q,--quiet", options->quiet, "no banner");
    command->footer("Examples:\n  sluice run -c sluice.yaml\n  OPENAI_API_KEY=... sluice run");
    command->callback([options, &action] { action = [options] { return run_gateway(*options); }; });
}

void add_check(CLI::App& app, Action& action) {
    auto options = std::make_shared<CheckOptions>();
    auto* const command = app.add_subcommand("check", "Check configuration files; exit 78 when one is wrong");
    command->add_option("files", options->files, "files to check")->required();
    command->add_flag("--strict", options->strict, "warnings fail, too");
    std::map<std::string, CheckFormat> const formats{
        {"text", CheckFormat::text}, {"json", CheckFormat::json}, {"github", CheckFormat::github}};
    command->add_option("--format", options->format, "text, json or github")
        ->transform(CLI::CheckedTransformer(formats));
    command->footer("Examples:\n  sluice check sluice.yaml\n  sluice check --format github conf/*.yaml");
    command->callback([options, &action] { action = [options] { return run_check(*options); }; });
}

void add_config(CLI::App& app, Action& action) {
    auto* const config = app.add_subcommand("config", "Show the configuration, its schema, or a starter file");
    config->require_subcommand(1);
    auto add = [config, &action](std::string const& name, ConfigAction what, std::string const& text) {
        auto options = std::make_shared<ConfigOptions>();
        options->action = what;
        auto* const command = config->add_subcommand(name, text);
        if (what == ConfigAction::show) {
            command->add_option("-c,--config", options->config_file, "configuration file")->envname("SLUICE_CONFIG");
            command->add_flag("--effective", options->effective, "with defaults, and where each value comes from");
        }
        command->callback([options, &action] { action = [options] { return run_config(*options); }; });
    };
    add("show", ConfigAction::show, "Print the configuration, secrets masked");
    add("schema", ConfigAction::schema, "Print the JSON Schema for editors");
    add("reference", ConfigAction::reference, "Print the reference page");
    add("init", ConfigAction::init, "Print a commented starter file");
    add("admin-api", ConfigAction::admin_api, "Print the reference page of the admin API");
}

void add_lab(CLI::App& app, Action& action) {
    auto options = std::make_shared<LabCommandOptions>();
    auto* const command = app.add_subcommand("lab", "Start an upstream that misbehaves on request");
    command->add_option("--listen", options->listen, "address:port");
    command->add_option("--scenario", options->scenario_file, "scenario file (YAML)");
    command->add_option("--providers", options->provider_folder, "folder of NAME/lab.yaml: providers to imitate");
    command->add_option("--tls-certificate", options->certificate_file, "PEM file");
    command->add_option("--tls-key", options->key_file, "PEM file");
    command->add_option("--seed", options->seed, "the same seed, the same misbehaviour");
    command->add_option("--threads", options->threads, "worker threads")->check(CLI::Range(1, 64));
    command->footer("Examples:\n  sluice lab --listen 127.0.0.1:18080\n  sluice lab --scenario outage.yaml --seed 7");
    command->callback([options, &action] { action = [options] { return run_lab(*options); }; });
}

void add_gateway_address(CLI::App& command, GatewayAddress& gateway) {
    command.add_option("--base-url", gateway.base_url, "the gateway's base URL")->envname("SLUICE_BASE_URL");
    command.add_option("--admin-url", gateway.admin_url, "the gateway's admin URL")->envname("SLUICE_ADMIN_URL");
    command.add_option("--key", gateway.api_key, "API key")->envname("SLUICE_API_KEY");
}

void add_client_commands(CLI::App& app, Action& action) {
    auto chat = std::make_shared<ChatOptions>();
    auto* const chat_command = app.add_subcommand("chat", "Ask a running gateway and stream the answer");
    add_gateway_address(*chat_command, chat->gateway);
    chat_command->add_option("-m,--model", chat->model, "model name");
    chat_command->add_option("-s,--system", chat->system, "system message");
    chat_command->add_option("prompt", chat->prompt, "what to ask")->required();
    chat_command->add_flag("--json", chat->json, "print the raw events");
    chat_command->add_flag("-q,--quiet", chat->quiet, "only the answer");
    chat_command->footer("Examples:\n  sluice chat \"say hello\"\n  sluice chat -m gpt-4o-mini \"say hello\"");
    chat_command->callback([chat, &action] { action = [chat] { return run_chat(*chat); }; });

    auto health = std::make_shared<HealthOptions>();
    auto* const health_command = app.add_subcommand("health", "Is the gateway alive? For container health checks");
    add_gateway_address(*health_command, health->gateway);
    health_command->add_flag("--ready", health->ready, "ask for readiness instead");
    health_command->callback([health, &action] { action = [health] { return run_health(*health); }; });
}

void add_models(CLI::App& app, Action& action) {
    auto catalogue = std::make_shared<CatalogueOptions>();
    auto gateway = std::make_shared<ModelsOptions>();
    gateway->gateway.base_url.clear();
    auto* const command =
        app.add_subcommand("models", "List models: the catalogue's, a configuration's, or a running gateway's");
    command->add_option("--provider", catalogue->filter.provider, "only this provider's");
    command->add_option("-m,--model", catalogue->filter.glob,
                        "only those that fit: an id, PROVIDER/ID or a canonical name, with stars");
    command->add_option("-c,--config", catalogue->config_file, "what a gateway with this file would serve");
    add_gateway_address(*command, gateway->gateway);
    command->add_flag("--json", catalogue->json, "for scripts");
    command->footer(
        "Prices are US dollars per million tokens. With --base-url (or SLUICE_BASE_URL) and none of the filters, a "
        "running\n"
        "gateway is asked what the key may use.\n"
        "Examples:\n  sluice models --provider groq\n  sluice models --model 'llama-3.3*' --json\n  sluice models -c "
        "sluice.yaml\n"
        "  sluice models --base-url http://127.0.0.1:8080/v1");
    command->callback([catalogue, gateway, &action] {
        bool const filtered = !catalogue->filter.provider.empty() || !catalogue->filter.glob.empty();
        gateway->json = catalogue->json;
        if (gateway->gateway.base_url.empty() || filtered || !catalogue->config_file.empty()) {
            action = [catalogue] { return run_catalogue(*catalogue); };
        } else {
            action = [gateway] { return run_models(*gateway); };
        }
    });
}

void add_migrate(CLI::App& app, Action& action) {
    auto options = std::make_shared<MigrateOptions>();
    auto* const command =
        app.add_subcommand("migrate", "What changes when requests go to another provider; sends nothing");
    command->add_option("--from", options->from, "PROVIDER/MODEL that serves them now")->required();
    command->add_option("--to", options->to, "PROVIDER/MODEL, or PROVIDER for the same model there")->required();
    command->add_option("--traffic", options->traffic_file, "recorded requests, a JSON object per line; - is stdin");
    command->add_flag("--json", options->json, "for scripts");
    command->footer(
        "A line of traffic is a chat request; an object with it under `request` or `body`, and perhaps `usage`; or a "
        "line of\n"
        "Sluice's access log, which counts for the price. Bad lines are reported and passed over.\n"
        "Exit codes: 0 safe, 3 something changes, 4 something would be refused or fail, 2 wrong usage.\n"
        "Examples:\n  sluice migrate --from groq/llama-3.3-70b-versatile --to cerebras\n"
        "  sluice migrate --from openai/gpt-4o-mini --to groq/openai/gpt-oss-120b --traffic requests.jsonl");
    command->callback([options, &action] { action = [options] { return run_migrate(*options); }; });
}

void add_import(CLI::App& app, Action& action) {
    auto* const import = app.add_subcommand("import", "Make a configuration of another gateway's");
    import->require_subcommand(1);
    auto options = std::make_shared<ImportOptions>();
    auto* const command = import->add_subcommand("litellm", "Of LiteLLM's config.yaml");
    command->add_option("file", options->file, "LiteLLM's configuration")->required();
    command->add_option("-o,--output", options->output, "write here instead of stdout");
    command->add_flag("--json", options->json, "print a report instead of the configuration, unless -o is given");
    command->footer(
        "What could not be translated stands as a comment where it belongs, and on stderr.\n"
        "Exit codes: 0 all translated, 3 something is left as comments, 2 wrong usage, 78 the file is not readable "
        "YAML.\n"
        "Examples:\n  sluice import litellm config.yaml -o sluice.yaml\n  sluice check sluice.yaml");
    command->callback([options, &action] { action = [options] { return run_import_litellm(*options); }; });
}

void add_explain(CLI::App& app, Action& action) {
    auto options = std::make_shared<ExplainOptions>();
    auto* const command = app.add_subcommand("explain", "Where a request would go, and why; sends nothing");
    command->add_option("-m,--model", options->model, "model that a client asks for");
    command->add_option("--key", options->key, "name of the key that it comes with");
    command->add_option("--body", options->body_file, "the request, a JSON file; - is stdin");
    command->add_option("--header", options->headers, "'name: value', again for each header");
    command->add_option("--seed", options->seed, "the same seed, the same choice");
    command->add_option("-c,--config", options->config_file, "plan with this file and fresh health")
        ->envname("SLUICE_CONFIG");
    command->add_option("--admin", options->admin_url, "ask the running gateway with this admin URL");
    command->add_option("--token", options->token, "its admin token; better in SLUICE_ADMIN_TOKEN")
        ->envname("SLUICE_ADMIN_TOKEN")
        ->group("");
    command->add_flag("--json", options->json, "for scripts");
    command->footer(
        "Exit codes: 0, 1 no target or the request would be refused, 2 wrong usage, 69 no gateway, 78 wrong "
        "configuration.\n"
        "Examples:\n  sluice explain -m fast -c sluice.yaml\n"
        "  sluice explain -m fast:floor --key team-a --body request.json --admin http://127.0.0.1:9090");
    command->callback([options, &action] { action = [options] { return run_explain(*options); }; });
}

void add_replay(CLI::App& app, Action& action) {
    auto options = std::make_shared<ReplayOptions>();
    auto* const command = app.add_subcommand("replay", "What another configuration would have chosen; sends nothing");
    command->add_option("--log", options->log_file, "access log (JSON lines); - is stdin")->required();
    command->add_option("-c,--config", options->config_file, "the new configuration")->required();
    command->add_flag("--json", options->json, "for scripts");
    command->footer(
        "Exit codes: 0 the same choices, 3 some change, 4 some request finds no target or a record does not hold, 2 "
        "wrong\n"
        "usage, 78 wrong configuration.\n"
        "Example:\n  sluice replay --log access.jsonl --config new.yaml");
    command->callback([options, &action] { action = [options] { return run_replay(*options); }; });
}

void add_store_address(CLI::App& command, StoreAddress& address) {
    command.add_option("-c,--config", address.config_file, "configuration file")->envname("SLUICE_CONFIG");
    command.add_option("--database", address.database, "URL, instead of the configuration's");
}

void add_usage(CLI::App& app, Action& action) {
    using By = store::UsageQuery::By;
    auto options = std::make_shared<UsageOptions>();
    auto* const command = app.add_subcommand("usage", "What was used and what it cost, from the ledger");
    add_store_address(*command, options->address);
    command->add_option("--by", options->by, "key, team, model, provider, target, tag, user or day");
    command->add_option("--since", options->since, "7d, 12h, 2026-07-01 or 2026-07-01T12:00:00Z");
    command->add_option("--until", options->until, "the same; now, if not given");
    std::pair<char const*, By> const filters[] = {{"key", By::key},           {"team", By::team}, {"model", By::model},
                                                  {"provider", By::provider}, {"tag", By::tag},   {"user", By::user}};
    for (auto const& [name, by] : filters) {
        command->add_option_function<std::string>(
            std::string("--") + name,
            [options, filter = by](std::string const& value) { options->only[filter] = value; }, "only this one's");
    }
    auto* const csv =
        command->add_flag_callback("--csv", [options] { options->format = UsageFormat::csv; }, "for spreadsheets");
    command->add_flag_callback(
               "--json", [options] { options->format = UsageFormat::json; }, "for scripts")
        ->excludes(csv);
    command->footer("Examples:\n  sluice usage --by team --since 30d\n  sluice usage --by day --key k_4f6Qx9 --csv");
    command->callback([options, &action] { action = [options] { return run_usage(*options); }; });
}

void add_ledger_export(CLI::App& ledger, Action& action) {
    auto options = std::make_shared<LedgerExportOptions>();
    auto* const command = ledger.add_subcommand("export", "Print each call with its lines as one JSON object");
    add_store_address(*command, options->address);
    command->add_option("--since", options->since, "7d, 12h, 2026-07-01 or 2026-07-01T12:00:00Z");
    command->add_option("--until", options->until, "the same; now, if not given");
    command->callback([options, &action] { action = [options] { return run_ledger_export(*options); }; });
}

void add_ledger_adjust(CLI::App& ledger, Action& action) {
    auto options = std::make_shared<LedgerAdjustOptions>();
    auto* const command = ledger.add_subcommand("adjust", "Correct what a call cost, by a line of its own");
    add_store_address(*command, options->address);
    command->add_option("call", options->call, "EPOCH/NUMBER, the `id` of an export")->required();
    command->add_option("--usd", options->usd, "US dollars more; may be negative")->required();
    command->add_option("--why", options->why, "the reason, for who reads it later")->required();
    command->callback([options, &action] { action = [options] { return run_ledger_adjust(*options); }; });
}

void add_ledger(CLI::App& app, Action& action) {
    auto* const ledger = app.add_subcommand("ledger", "Verify, export, correct or shorten the ledger");
    ledger->require_subcommand(1);
    auto address = std::make_shared<StoreAddress>();
    auto json = std::make_shared<bool>(false);
    auto* const verify = ledger->add_subcommand("verify", "Whether every sum is what its lines add up to");
    add_store_address(*verify, *address);
    verify->add_flag("--json", *json, "for scripts");
    verify->callback(
        [address, json, &action] { action = [address, json] { return run_ledger_verify(*address, *json); }; });
    add_ledger_export(*ledger, action);
    add_ledger_adjust(*ledger, action);
    auto forget = std::make_shared<LedgerForgetOptions>();
    auto* const forgetting = ledger->add_subcommand("forget", "Remove single calls; the sums stay");
    add_store_address(*forgetting, forget->address);
    forgetting->add_option("--before", forget->before, "400d, or 2026-07-01")->required();
    forgetting->callback([forget, &action] { action = [forget] { return run_ledger_forget(*forget); }; });
    ledger->footer(
        "A gateway may be running on the same database.\n"
        "Exit codes: 0, 1 a fault was found or the ledger can't be used, 2 wrong usage, 69 no such database, 78 wrong\n"
        "configuration.\n"
        "Examples:\n  sluice ledger verify -c sluice.yaml\n  sluice ledger export --since 1d > calls.jsonl\n"
        "  sluice ledger adjust 4611686018427387/17 --usd -0.25 --why \"refund of 2026-07-01\"");
}

/// "did you mean": for a command that is nearly one of ours.
void suggest(CLI::App const& app, std::string const& word) {
    std::vector<std::string> names;
    for (auto const* command : app.get_subcommands([](CLI::App const*) { return true; })) {
        names.push_back(command->get_name());
    }
    auto const nearest = config::nearest(word, names);
    if (!nearest.empty() && nearest != word) fmt::print(stderr, "Did you mean '{}'?\n", nearest);
}

int print_version(bool json) {
    if (json) {
        fmt::print("{{\"version\":\"{}\",\"commit\":\"{}\"}}\n", SLUICE_VERSION, SLUICE_COMMIT);
    } else {
        fmt::print("sluice {} ({})\n", SLUICE_VERSION, SLUICE_COMMIT);
    }
    return exit_ok;
}

}  // namespace

int run(int argc, char const* const* argv) {
    CLI::App app("Sluice: an OpenAI-compatible gateway for language-model APIs", "sluice");
    app.require_subcommand(0, 1);
    std::vector<std::string> const arguments(argv, argv + argc);
    Action action = [&arguments] { return run_gateway({.command = arguments}); };
    add_run(app, arguments, action);
    add_check(app, action);
    add_config(app, action);
    add_lab(app, action);
    add_client_commands(app, action);
    add_models(app, action);
    add_migrate(app, action);
    add_import(app, action);
    add_explain(app, action);
    add_replay(app, action);
    add_usage(app, action);
    add_ledger(app, action);
    add_keys(app, action);
    auto json = std::make_shared<bool>(false);
    auto* const version = app.add_subcommand("version", "Print the version");
    version->add_flag("--json", *json, "for scripts");
    version->callback([json, &action] { action = [json] { return print_version(*json); }; });
    app.add_flag_callback(
        "--version", [&action] { action = [] { return print_version(false); }; }, "Print the version");
    try {
        app.parse(argc, argv);
    } catch (CLI::ParseError const& error) {
        if (app.exit(error) == 0) return exit_ok;
        if (argc > 1) suggest(app, argv[1]);
        return exit_usage;
    }
    return action();
}

}  // namespace sluice::cli
