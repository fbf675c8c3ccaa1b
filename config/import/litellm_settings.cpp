#include <algorithm>
#include <array>

#include "config/import/litellm_names.hpp"
#include "config/import/litellm_state.hpp"
#include "config/import/secrecy.hpp"

/// router_settings, litellm_settings and general_settings: docs.litellm.ai/docs/proxy/config_settings, read 2026-11.
namespace sluice::config {
namespace {

class Setting {
public:
    explicit Setting(LitellmState& state) : state_(state) {}

    void setting(Entry const& each, std::string const& path) {
        std::string const& k = each.key;
        auto& defaults = state_.out.left["defaults"];
        auto const seconds = [&each] { return duration_of_seconds(each.value.text); };
        if (k == "num_retries" || k == "max_retries")
            return state_.set(state_.out.attempts, count_of(each.value, 10), each, path, defaults);
        if (k == "timeout" || k == "request_timeout")
            return state_.set(state_.out.total, seconds(), each, path, defaults);
        if (k == "stream_timeout") return state_.set(state_.out.first_token, seconds(), each, path, defaults);
        if (k == "allowed_fails")
            return state_.set(state_.out.failures, count_of(each.value, 1'000'000, 1), each, path, defaults);
        if (k == "cooldown_time") return state_.set(state_.out.open_for, seconds(), each, path, defaults);
        if (k == "drop_params") return state_.set_policy(state_.out.unsupported, each, path, defaults);
        if (k == "fallbacks") return references(each, path, state_.fallbacks);
        if (k == "default_fallbacks") return default_fallbacks(each, path);
        if (k == "context_window_fallbacks") return references(each, path, state_.on_context_length);
        if (k == "content_policy_fallbacks") return references(each, path, state_.on_content_filter);
        if (k == "routing_strategy") return strategy(each, path);
        if (k == "model_group_alias") return aliases(each, path);
        if (k == "master_key") return master_key(each, path);
        if (k == "set_verbose" || k == "json_logs") return logging(each, path);
        if (k == "database_url" || k == "store_model_in_db" || k.contains("redis") || k.starts_with("cache"))
            return leave(state_.out.left["storage"], each, path,
                         "databases, shared state and caches belong to a later version");
        if (k == "success_callback" || k == "failure_callback" || k == "callbacks") {
            return leave(state_.out.left["telemetry"], each, path,
                         "Prometheus metrics are always at /metrics of the admin address, and the access log on "
                         "stdout; other callbacks have no counterpart");
        }
        if (path.starts_with("general_settings"))
            return leave(state_.out.left["keys"], each, path, not_in_this_version);
        leave(defaults, each, path, not_in_this_version);
    }

private:
    void logging(Entry const& each, std::string const& path) {
        bool const is_yes = each.value.text == "true" || each.value.text == "True";
        if (!is_yes) return state_.done();
        auto& to = each.key == "json_logs" ? state_.out.log_format : state_.out.log_level;
        state_.set(to, each.key == "json_logs" ? "json" : "debug", each, path, state_.out.left["telemetry"]);
    }

    void master_key(Entry const& each, std::string const& path) {
        state_.out.keys.emplace_back("master", state_.secret(each, "SLUICE_MASTER_KEY", path, state_.out.left["keys"]));
    }

    void aliases(Entry const& each, std::string const& path) {
        for (Entry const& alias : each.value.entries) {
            Node const* const model = alias.value.shape == Node::Shape::map ? alias.value.find("model") : &alias.value;
            if (model == nullptr)
                leave(state_.out.left["models"], alias, path + "." + alias.key, "this names no model");
            else
                state_.aliases.push_back(
                    {.model = alias.key,
                     .names = {model->text},
                     .where = {
                         .line = alias.at.line, .path = path + "." + alias.key, .value = model->text, .why = {}}});
        }
    }

    static std::vector<std::string> names_in(Node const& node) {
        std::vector<std::string> names;
        if (node.shape == Node::Shape::scalar) names.push_back(node.text);
        for (Node const& item : node.items) names.push_back(item.text);
        return names;
    }

    /// [{ gpt-4: [claude, llama] }, ...]
    static void references(Entry const& each, std::string const& path, std::vector<LitellmReference>& to) {
        for (Node const& item : each.value.items) {
            for (Entry const& entry : item.entries) {
                LeftOver const where{.line = entry.at.line,
                                     .path = path + "." + entry.key,
                                     .value = shown_safely("fallbacks", entry.value),
                                     .why = {}};
                to.push_back({.model = entry.key, .names = names_in(entry.value), .where = where});
            }
        }
    }
    void default_fallbacks(Entry const& each, std::string const& path) {
        state_.default_fallbacks.push_back(
            {.model = {},
             .names = names_in(each.value),
             .where = {.line = each.at.line, .path = path, .value = shown_safely("fallbacks", each.value), .why = {}}});
    }

    void strategy(Entry const& each, std::string const& path) {
        constexpr std::array<std::pair<std::string_view, std::string_view>, 6> routes{
            {{"simple-shuffle", "weighted"},
             {"least-busy", "least_busy"},
             {"latency-based-routing", "latency"},
             {"cost-based-routing", "cost"},
             {"usage-based-routing", "usage"},
             {"usage-based-routing-v2", "usage"}}};
        auto const found = std::ranges::find(routes, each.value.text, [](auto const& row) { return row.first; });
        if (found == routes.end())
            return leave(state_.out.left["models"], each, path, "no policy of a route does this: `weighted` stands");
        state_.route = found->second;
        state_.done();
    }

    LitellmState& state_;
};

}  // namespace

void read_litellm_setting(Entry const& entry, std::string const& path, LitellmState& state) {
    Setting(state).setting(entry, path);
}

}  // namespace sluice::config
