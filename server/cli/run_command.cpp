#include "server/cli/run_command.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "config/zero_config.hpp"
#include "server/app.hpp"
#include "server/cli/exit_code.hpp"
#include "server/cli/terminal.hpp"
#include "server/control/inheritance.hpp"
#include "server/control/successor.hpp"
#include "server/lab/lab.hpp"

namespace sluice::cli {
namespace {

/// The file to use when none is named; empty: there is none.
std::string usual_file() {
    for (char const* const name : {"sluice.yaml", "/etc/sluice/sluice.yaml"}) {
        if (::access(name, R_OK) == 0) return name;
    }
    return {};
}

lab::LabOptions demo_lab() {
    lab::LabOptions options;
    options.listen = "127.0.0.1:0";
    return options;
}

}  // namespace

int run_gateway(RunOptions const& options) {
    auto const environment = config::process_environment();
    control::Inheritance inheritance(environment);
    auto command = options.command;
    command.front() = control::program_file(command.front(), environment("PATH").value_or(""));
    AppOptions app{.load = {.environment = environment, .files = config::disk()},
                   .port_file = options.port_file,
                   .note = {},
                   .command = std::move(command),
                   .banner = !options.quiet,
                   .colour = wants_colour(stderr)};
    std::unique_ptr<lab::Lab> lab;  // serves the demo, as long as the gateway runs
    auto const file = options.config_file.empty() && !options.demo ? usual_file() : options.config_file;
    if (!file.empty() && !options.demo) {
        app.load.path = file;
        app.note = file;
    } else if (auto text = options.demo ? std::nullopt : config::zero_config_yaml(app.load.environment)) {
        app.load.path = "(environment)";
        app.load.text = std::move(text);
        app.note = "made from the environment; `sluice config init` prints a file to start from";
    } else {
        auto started = lab::Lab::start(demo_lab());
        if (!started) {
            fmt::print(stderr, "sluice: the demo's lab does not start: {}\n", started.error());
            return exit_failed;
        }
        lab = std::move(*started);
        app.load.path = "(demo)";
        app.load.text = config::demo_yaml(lab->port());
        app.note = "demo: answers come from the built-in lab; set OPENAI_API_KEY (or another provider's) for real ones";
    }
    if (!options.listen.empty()) app.load.overrides.push_back({"server.listen", options.listen, "--listen"});
    if (!options.admin_listen.empty()) {
        app.load.overrides.push_back({"server.admin_listen", options.admin_listen, "--admin-listen"});
    }
    auto loaded = config::load(app.load);
    auto const colour = app.colour ? config::Colour::ansi : config::Colour::none;
    for (auto const& problem : loaded.problems) fmt::print(stderr, "{}", config::to_text(problem, colour));
    if (!loaded.settings) {
        inheritance.report_failure(config::first_error(loaded.problems));
        return exit_configuration;
    }
    return run_app(std::move(loaded), app, inheritance);
}

int run_lab(LabCommandOptions const& options) {
    // Blocked before the lab's threads begin, so that they inherit it and sigwait() below gets the signal.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    lab::LabOptions lab_options;
    lab_options.listen = options.listen;
    lab_options.scenario_file = options.scenario_file;
    lab_options.provider_folder = options.provider_folder;
    lab_options.seed = options.seed;
    lab_options.threads = options.threads;
    if (!options.certificate_file.empty()) lab_options.tls_certificate_file = options.certificate_file;
    if (!options.key_file.empty()) lab_options.tls_key_file = options.key_file;
    auto const started = lab::Lab::start(lab_options);
    if (!started) {
        fmt::print(stderr, "sluice lab: {}\n", started.error());
        return exit_failed;
    }
    fmt::print(stderr, "lab listening on port {}\n", (*started)->port());
    int signal = 0;
    sigwait(&signals, &signal);
    return exit_ok;
}

}  // namespace sluice::cli
