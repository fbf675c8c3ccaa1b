#pragma once

#include <string>

namespace sluice::cli {

/// Where a running gateway is, for the commands that talk to one.
struct GatewayAddress {
    std::string base_url = "http://127.0.0.1:8080/v1";
    std::string admin_url = "http://127.0.0.1:9090";
    std::string api_key = "none";
};

struct ChatOptions {
    GatewayAddress gateway;
    std::string model = "demo";
    std::string prompt;
    std::string system;
    bool json = false;  ///< print the events as they come
    bool quiet = false;
};

/// Streams one answer to stdout; what it cost goes to stderr. Exit codes: 0, 1 (the gateway refused or the stream broke
/// off), 69 (no gateway there), 77 (key refused).
int run_chat(ChatOptions const& options);

struct HealthOptions {
    GatewayAddress gateway;
    bool ready = false;
};

/// For a container's health check: 0 when /healthz (or /readyz) says so, else 1, or 69 when nothing answers.
int run_health(HealthOptions const& options);

struct ModelsOptions {
    GatewayAddress gateway;
    bool json = false;
};

/// Lists the models that the key may use.
int run_models(ModelsOptions const& options);

}  // namespace sluice::cli
