#include "config/zero_config.hpp"

#include <algorithm>
#include <vector>

#include "config/catalogue.hpp"

namespace sluice::config {
namespace {

struct Found {
    Profile const* profile;
    std::string variable;
};

std::vector<Found> providers_in(Environment const& environment) {
    std::vector<Found> found;
    for (Profile const& profile : profiles()) {
        if (!profile.status.empty()) continue;  // retired or unverified: only who asks for it gets it
        auto const variable = std::ranges::find_if(profile.key_variables, [&environment](std::string const& name) {
            return environment && !environment(name).value_or("").empty();
        });
        auto const is_given = [&environment](Variable const& needed) {
            return needed.standard || (!needed.env.empty() && !environment(needed.env).value_or("").empty());
        };
        if (variable != profile.key_variables.end() && std::ranges::all_of(profile.variables, is_given))
            found.push_back({&profile, *variable});
    }
    return found;
}

}  // namespace

std::optional<std::string> zero_config_yaml(Environment const& environment) {
    auto const found = providers_in(environment);
    if (found.empty()) return std::nullopt;
    std::string out = "version: 1\nproviders:\n";
    for (auto const& [profile, variable] : found) {
        out += "  " + profile->name + ":\n    api_key: ${" + variable + "}\n";
        std::string const& base = profile->base_url_variable;
        if (!base.empty() && !environment(base).value_or("").empty()) out += "    base_url: ${" + base + "}\n";
    }
    out += "models:\n";
    for (auto const& [profile, variable] : found) out += "  " + profile->name + "/*: " + profile->name + "/*\n";
    return out + "  \"*\": " + found.front().profile->name + "/*\n";
}

std::string demo_yaml(std::uint16_t lab_port) {
    return "version: 1\n"
           "providers:\n"
           "  lab:\n"
           "    type: custom\n"
           "    base_url: http://127.0.0.1:" +
           std::to_string(lab_port) +
           "/v1\n"
           "    api_key: none\n"
           "models:\n"
           "  demo: lab/demo\n"
           "  echo: lab/echo\n"
           "  lab/*: lab/*\n";
}

std::string starter_yaml() {
    return R"(# yaml-language-server: $schema=./sluice.schema.json
# `sluice config schema > sluice.schema.json` writes that file; `sluice config reference` prints every key.
version: 1

server:
  listen: 127.0.0.1:8080          # every other address needs `keys` below
  admin_listen: 127.0.0.1:9090    # /metrics, /healthz, /readyz

providers:                        # where requests can go
  openai:
    api_key: ${OPENAI_API_KEY}    # or { env: NAME }, or { file: /run/secrets/openai }
  # groq:
  #   api_key: ${GROQ_API_KEY}
  # local:
  #   type: vllm
  #   base_url: http://vllm.internal:8000/v1

models:                           # what a client may write in "model"
  gpt-4o-mini: openai/gpt-4o-mini # NAME: PROVIDER/UPSTREAM-MODEL
  openai/*: openai/*              # a star keeps what it matched
  # fast:
  #   targets: [groq/llama-3.1-8b-instant, openai/gpt-4o-mini]   # in order: the next one takes over
  #   route: latency              # or cost, weighted ... (docs/guides/routing.md); without it as written
  #   timeout: { first_token: 10s }

# keys:                           # what clients authenticate with
#   - name: my-app
#     value: ${SLUICE_MY_APP_KEY}
#     models: [gpt-4o-mini]
)";
}

}  // namespace sluice::config
