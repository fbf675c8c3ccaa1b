#include "config/import/litellm.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <set>

#include "config/addresses.hpp"
#include "config/catalogue.hpp"
#include "config/import/litellm_names.hpp"
#include "config/import/secrecy.hpp"
#include "config/yaml_tree.hpp"

/// The keys and their meaning: docs.litellm.ai/docs/proxy/config_settings and /docs/routing, read 2026-11.
namespace sluice::config {
namespace {

constexpr std::string_view not_in_this_version = "this version of Sluice has nothing that would do this";

class Importer {
public:
    Imported read(Node const& root) {
        for (Entry const& section : root.entries) {
            if (section.key == "model_list") {
                for (std::size_t i = 0; i < section.value.items.size(); ++i)
                    model(section.value.items[i], "model_list[" + std::to_string(i) + "]");
            } else if (section.key == "router_settings" || section.key == "litellm_settings" || section.key == "general_settings") {
                for (Entry const& entry : section.value.entries) setting(entry, section.key + "." + entry.key);
            } else if (section.key == "environment_variables") {
                for (Entry const& entry : section.value.entries)
                    leave(out_.left[""], entry, section.key + "." + entry.key, "set this variable where the gateway runs");
            } else {
                leave(out_.left[""], section, section.key, not_in_this_version);
            }
        }
        finish();
        return std::move(out_);
    }

private:
    struct Entry_ {  // of model_list, while it is read
        std::string path;
        Node const* params = nullptr;
        ImportedModel* to = nullptr;
        LitellmModel model{};
        ImportedProvider provider{};
        std::vector<LeftOver> left{};
        long order = 0;
    };
    struct Fallbacks {
        std::string model;
        std::vector<std::string> names;
        LeftOver where;
    };

    static void leave(std::vector<LeftOver>& left, Entry const& entry, std::string path, std::string_view why) {
        left.push_back({.line = entry.at.line, .path = std::move(path), .value = shown_safely(entry.key, entry.value), .why = std::string(why)});
    }
    void done() { ++out_.translated; }

    /// Gives `to` the value unless it has another one already.
    void set(std::string& to, std::optional<std::string> value, Entry const& entry, std::string const& path, std::vector<LeftOver>& left) {
        if (!value) return leave(left, entry, path, "this is not a value that Sluice could take");
        if (!to.empty() && to != *value) return leave(left, entry, path, "another value stands for the same thing already: " + to);
        to = *std::move(value);
        done();
    }

    static std::optional<std::string> count_of(Node const& node, long most, long more = 0) {
        long value = 0;
        auto const* const end = node.text.data() + node.text.size();
        auto const [stop, error] = std::from_chars(node.text.data(), end, value);
        if (error != std::errc() || stop != end || value < 0) return std::nullopt;
        return std::to_string(std::min(value + more, most));
    }

    /// `${NAME}` for the key in `node`; for one that stands there itself a variable, and a comment.
    std::string secret(Entry const& entry, std::string const& variable, std::string const& path, std::vector<LeftOver>& left) {
        if (auto const name = variable_of(entry.value); !name.empty()) {
            done();
            return "${" + name + "}";
        }
        std::string name = variable.empty() ? "PROVIDER_API_KEY" : variable;
        std::string const wanted = name;
        for (int n = 2; secrets_.contains(name) && secrets_.at(name) != entry.value.text; ++n) name = wanted + "_" + std::to_string(n);
        secrets_[name] = entry.value.text;
        left.push_back({.line = entry.at.line, .path = path, .value = "***", .why = "a secret stood in the file: set the variable " + name + " to it"});
        return "${" + name + "}";
    }

    // --- model_list ---------------------------------------------------------------------------------------------

    void model(Node const& item, std::string const& path) {
        Node const* const name = item.find("model_name");
        Node const* const params = item.find("litellm_params");
        if (name == nullptr || name->text.empty() || params == nullptr) {
            out_.left["models"].push_back({.line = item.at.line, .path = path, .value = {}, .why = "`model_name` or `litellm_params` is missing"});
            return;
        }
        auto const mode = mode_of(item);
        Node const* const written_model = params->find("model");
        auto meant = read_litellm_model(written_model == nullptr ? std::string_view() : std::string_view(written_model->text));
        if (!mode.empty() && mode != "chat" && mode != "completion" && mode != "responses")
            meant = std::unexpected("its mode is " + mode + ": this version serves chat completions only");
        if (meant && meant->model.contains('*') && !name->text.contains('*')) meant = std::unexpected("a star here needs one in `model_name`");
        if (std::ranges::count(name->text, '*') > 1) meant = std::unexpected("a name can have one star");
        if (!meant) {
            out_.left["models"].push_back({.line = item.at.line, .path = path + " " + name->text,
                                           .value = written_model == nullptr ? "" : shown_safely("model", *written_model), .why = meant.error()});
            lost_.insert(name->text);
            return;
        }
        ImportedModel& to = model_named(name->text);
        Entry_ entry{.path = path + ".litellm_params", .params = params, .to = &to, .model = *std::move(meant)};
        entry.provider.type = entry.model.type;
        address(entry);
        for (Entry const& each : params->entries) parameter(each, entry);
        key(entry);
        add_target(entry);
        for (Entry const& each : item.entries) {
            if (each.key == "model_info") model_info(each.value, path + ".model_info", entry);
            else if (each.key != "model_name" && each.key != "litellm_params") leave(to.left, each, path + "." + each.key, not_in_this_version);
        }
        to.left.insert(to.left.end(), entry.left.begin(), entry.left.end());
    }

    static std::string mode_of(Node const& item) {
        Node const* const info = item.find("model_info");
        Node const* const mode = info == nullptr ? nullptr : info->find("mode");
        return mode == nullptr ? std::string() : mode->text;
    }

    ImportedModel& model_named(std::string const& name) {
        auto const found = std::ranges::find(out_.models, name, &ImportedModel::name);
        if (found != out_.models.end()) return *found;
        return out_.models.emplace_back(ImportedModel{.name = name});
    }

    /// api_base and api_version.
    void address(Entry_& entry) {
        Node const* base = entry.params->find("api_base");
        if (base == nullptr) base = entry.params->find("base_url");
        Node const* const version = entry.params->find("api_version");
        if (entry.model.type == "azure") return azure(entry, base, version);
        if (base == nullptr) return;
        bool const is_openai = entry.model.type == "openai";
        auto const url = url_of(*base);
        if (is_openai && !variable_of(*base).empty()) entry.provider.type = "custom";
        if (is_openai && variable_of(*base).empty() && parts_of_url(url).host != "api.openai.com") entry.provider.type = "custom";
        if (entry.model.type == "ollama" && !url.ends_with("/v1")) {
            entry.provider.base_url = url + "/v1";
        } else {
            entry.provider.base_url = url;
        }
        done();
    }

    /// Without a slash at its end. A variable's value can't be looked at.
    static std::string url_of(Node const& node) {
        auto url = written(node);
        while (url.ends_with('/')) url.pop_back();
        return url;
    }

    void azure(Entry_& entry, Node const* base, Node const* version) {
        ImportedProvider& provider = entry.provider;
        std::string const dated = version == nullptr ? "" : written(*version);
        bool const is_v1 = dated.empty() || dated == "v1" || dated == "preview" || dated == "latest";
        provider.type = is_v1 ? "azure" : "azure-legacy";
        if (!is_v1) provider.variables["api_version"] = dated;
        constexpr std::string_view domain = ".openai.azure.com";
        std::string const variable = base == nullptr ? "AZURE_API_BASE" : variable_of(*base);
        if (!variable.empty()) {
            provider.base_url = "${" + variable + "}" + (is_v1 ? "/openai/v1" : "/openai");
            entry.left.push_back({.line = entry.params->at.line, .path = entry.path + ".api_base", .value = {},
                                  .why = variable + " must be like https://NAME.openai.azure.com, without a slash at its end"});
            return;
        }
        auto url = url_of(*base);
        auto const host = parts_of_url(url).host;
        if (host.ends_with(domain) && !host.contains('$')) {
            provider.variables["resource"] = host.substr(0, host.size() - domain.size());
        } else {
            if (auto const path = url.find("/openai"); path != std::string::npos) url.erase(path);
            provider.base_url = url + (is_v1 ? "/openai/v1" : "/openai");
        }
        done();
    }

    void key(Entry_& entry) {
        Profile const* const profile = find_profile(entry.provider.type);
        auto const found = std::ranges::find(entry.params->entries, "api_key", &Entry::key);
        bool const is_placeholder = found != entry.params->entries.end() && profile != nullptr && !profile->needs_key &&
                                    variable_of(found->value).empty() && found->value.text.size() < 8;
        if (found != entry.params->entries.end() && !is_placeholder && !found->value.text.empty()) {
            entry.provider.api_key = secret(*found, entry.model.variable, entry.path + ".api_key", entry.provider.left);
            return;
        }
        bool const sends_none = profile != nullptr && !profile->needs_key && entry.model.type != "openai";
        entry.provider.api_key = sends_none ? "none" : "${" + (entry.model.variable.empty() ? "PROVIDER_API_KEY" : entry.model.variable) + "}";
    }

    void parameter(Entry const& each, Entry_& entry) {
        ImportedModel& to = *entry.to;
        auto const path = entry.path + "." + each.key;
        auto const seconds = [&each] { return duration_of_seconds(each.value.text); };
        std::string const& k = each.key;
        bool const is_read = k == "model" || k == "api_base" || k == "base_url" || k == "api_key" || k == "api_version";
        if (is_read) return k == "api_version" && !entry.model.type.starts_with("azure") ? leave(entry.left, each, path, "only Azure has versions") : void();
        if (k == "timeout") return set(to.total, seconds(), each, path, entry.left);
        if (k == "stream_timeout") return set(to.first_token, seconds(), each, path, entry.left);
        if (k == "num_retries" || k == "max_retries") return set(to.attempts, count_of(each.value, 10), each, path, entry.left);
        if (k == "drop_params") return policy(each, path, to.unsupported, entry.left);
        if (k == "order") {
            auto const order = count_of(each.value, 1'000'000);
            if (!order) return leave(entry.left, each, path, "`order` must be a whole number");
            entry.order = std::stol(*order);
            return done();
        }
        if (k == "organization") return header("openai-organization", each, entry);
        if (k == "aws_region_name" && entry.model.type == "bedrock") return variable("region", each, entry);
        if (k == "vertex_project" && entry.model.type == "vertex") return variable("project", each, entry);
        if (k == "vertex_location" && entry.model.type == "vertex") {
            if (variable_of(each.value).empty() && each.value.text != "global") entry.provider.variables["host"] = each.value.text + "-aiplatform.googleapis.com";
            return variable("region", each, entry);
        }
        if (k == "extra_headers" || k == "headers") return leave(entry.provider.left, each, path, "put these under the provider's `headers`; a value may be a secret, so none is written here");
        if (k == "input_cost_per_token" || k == "output_cost_per_token") return price(each, entry);
        if (k == "custom_llm_provider") return leave(entry.left, each, path, "the provider is the one that `model` begins with");
        if (k == "rpm" || k == "tpm" || k == "weight") return leave(entry.left, each, path, "targets are tried in their order; shares and limits of a target belong to a later version");
        if (k == "max_parallel_requests") return leave(entry.left, each, path, "a limit of a target belongs to a later version; a provider's is `max_in_flight`");
        if (k == "temperature" || k == "max_tokens" || k == "top_p" || k == "seed") {
            return leave(entry.left, each, path, "a rule `{ field: " + k + ", do: default, value: ... }` under the provider's `parameters` does this, but replaces the catalogue's rules on that field");
        }
        leave(entry.left, each, path, is_secret_key(k) ? "this way to identify oneself belongs to a later version" : not_in_this_version);
    }

    void header(std::string const& name, Entry const& each, Entry_& entry) {
        entry.provider.headers[name] = written(each.value);
        done();
    }
    void variable(std::string const& name, Entry const& each, Entry_& entry) {
        entry.provider.variables[name] = written(each.value);
        done();
    }

    void policy(Entry const& each, std::string const& path, std::string& to, std::vector<LeftOver>& left) {
        auto const word = each.value.text;
        bool const is_yes = word == "true" || word == "True";
        set(to, is_yes || word == "false" || word == "False" ? std::optional<std::string>(is_yes ? "drop" : "pass") : std::nullopt, each, path, left);
    }

    /// The provider with this address and key, new or already there.
    std::string provider_name(ImportedProvider provider) {
        for (ImportedProvider& each : out_.providers) {
            if (!each.is_same_as(provider)) continue;
            for (LeftOver& left : provider.left)
                if (std::ranges::find(each.left, left.why, &LeftOver::why) == each.left.end()) each.left.push_back(std::move(left));
            return each.name;
        }
        auto const taken = [this](std::string const& name) { return std::ranges::find(out_.providers, name, &ImportedProvider::name) != out_.providers.end(); };
        provider.name = provider.type;
        for (int n = 2; taken(provider.name); ++n) provider.name = provider.type + "-" + std::to_string(n);
        out_.providers.push_back(provider);
        return provider.name;
    }

    void add_target(Entry_& entry) {
        auto target = provider_name(std::move(entry.provider)) + "/" + entry.model.model;
        auto& targets = entry.to->targets;
        current_target_ = target;
        for (auto& [where, price] : std::exchange(pending_prices_, {})) price_of(target, where) = price;
        bool const is_there = std::ranges::find(targets, target, &ImportedTarget::text) != targets.end();
        if (is_there) {
            entry.left.push_back({.line = entry.params->at.line, .path = entry.path, .value = target, .why = "this model has the same target already"});
            return;
        }
        auto const behind = std::ranges::upper_bound(targets, entry.order, {}, &ImportedTarget::order);
        targets.insert(behind, {.order = entry.order, .text = std::move(target)});
        done();
    }

    std::string& price_of(std::string const& target, std::string const& kind) {
        ImportedPrice& price = out_.prices[target];
        if (kind == "input_cost_per_token") return price.input;
        if (kind == "output_cost_per_token") return price.output;
        return kind == "cache_read_input_token_cost" ? price.cached_input : price.cache_write;
    }

    /// In litellm_params, where the target is not known yet, and in model_info.
    void price(Entry const& each, Entry_& entry) {
        auto const amount = per_million(each.value.text);
        if (!amount) return leave(entry.left, each, entry.path + "." + each.key, "this is no price per token");
        pending_prices_.emplace_back(each.key, *amount);
        done();
    }

    void model_info(Node const& info, std::string const& path, Entry_& entry) {
        for (Entry const& each : info.entries) {
            std::string const& k = each.key;
            bool const is_price = k == "input_cost_per_token" || k == "output_cost_per_token" || k == "cache_read_input_token_cost" || k == "cache_creation_input_token_cost";
            if (k == "mode") {
                done();
            } else if (k == "description") {
                set(entry.to->description, each.value.text, each, path + "." + k, entry.left);
            } else if (auto const amount = per_million(each.value.text); is_price && amount) {
                price_of(current_target_, k) = *amount;
                done();
            } else {
                leave(entry.left, each, path + "." + k, "the catalogue says what a model can do; ids and labels belong to LiteLLM's database");
            }
        }
    }

    // --- the settings -------------------------------------------------------------------------------------------

    void setting(Entry const& each, std::string const& path) {
        std::string const& k = each.key;
        auto& defaults = out_.left["defaults"];
        auto const seconds = [&each] { return duration_of_seconds(each.value.text); };
        if (k == "num_retries" || k == "max_retries") return set(out_.attempts, count_of(each.value, 10), each, path, defaults);
        if (k == "timeout" || k == "request_timeout") return set(out_.total, seconds(), each, path, defaults);
        if (k == "stream_timeout") return set(out_.first_token, seconds(), each, path, defaults);
        if (k == "allowed_fails") return set(out_.failures, count_of(each.value, 1'000'000, 1), each, path, defaults);
        if (k == "cooldown_time") return set(out_.open_for, seconds(), each, path, defaults);
        if (k == "drop_params") return policy(each, path, out_.unsupported, defaults);
        if (k == "fallbacks") return fallbacks(each, path);
        if (k == "default_fallbacks") return default_fallbacks(each, path);
        if (k == "context_window_fallbacks") return special_fallbacks(each, path, "fallbacks for a prompt that is too long belong to a later version (`fallbacks_on.context_length`)");
        if (k == "content_policy_fallbacks") return special_fallbacks(each, path, "fallbacks after a content filter belong to a later version (`fallbacks_on.content_filter`)");
        if (k == "routing_strategy") return leave(out_.left["models"], each, path, "this version tries a model's targets in the order of the file (`route: fallback`)");
        if (k == "model_group_alias") return aliases(each, path);
        if (k == "master_key") return master_key(each, path);
        if (k == "set_verbose" || k == "json_logs") return logging(each, path);
        if (k == "database_url" || k == "store_model_in_db" || k.contains("redis") || k.starts_with("cache"))
            return leave(out_.left["storage"], each, path, "databases, shared state and caches belong to a later version");
        if (k == "success_callback" || k == "failure_callback" || k == "callbacks") {
            return leave(out_.left["telemetry"], each, path, "Prometheus metrics are always at /metrics of the admin address, and the access log on stdout; other callbacks have no counterpart");
        }
        if (path.starts_with("general_settings")) return leave(out_.left["keys"], each, path, not_in_this_version);
        leave(defaults, each, path, not_in_this_version);
    }

    void logging(Entry const& each, std::string const& path) {
        bool const is_yes = each.value.text == "true" || each.value.text == "True";
        if (!is_yes) return done();
        auto& to = each.key == "json_logs" ? out_.log_format : out_.log_level;
        set(to, each.key == "json_logs" ? "json" : "debug", each, path, out_.left["telemetry"]);
    }

    void master_key(Entry const& each, std::string const& path) {
        out_.keys.emplace_back("master", secret(each, "SLUICE_MASTER_KEY", path, out_.left["keys"]));
    }

    void aliases(Entry const& each, std::string const& path) {
        for (Entry const& alias : each.value.entries) {
            Node const* const model = alias.value.shape == Node::Shape::map ? alias.value.find("model") : &alias.value;
            if (model == nullptr) leave(out_.left["models"], alias, path + "." + alias.key, "this names no model");
            else aliases_.push_back({.model = alias.key, .names = {model->text}, .where = {.line = alias.at.line, .path = path + "." + alias.key, .value = model->text, .why = {}}});
        }
    }

    static std::vector<std::string> names_in(Node const& node) {
        std::vector<std::string> names;
        if (node.shape == Node::Shape::scalar) names.push_back(node.text);
        for (Node const& item : node.items) names.push_back(item.text);
        return names;
    }

    /// [{ gpt-4: [claude, llama] }, ...]
    void fallbacks(Entry const& each, std::string const& path) {
        for (Node const& item : each.value.items) {
            for (Entry const& entry : item.entries) {
                LeftOver const where{.line = entry.at.line, .path = path + "." + entry.key, .value = shown_safely("fallbacks", entry.value), .why = {}};
                fallbacks_.push_back({.model = entry.key, .names = names_in(entry.value), .where = where});
            }
        }
    }
    void default_fallbacks(Entry const& each, std::string const& path) {
        default_fallbacks_.push_back({.model = {}, .names = names_in(each.value),
                                      .where = {.line = each.at.line, .path = path, .value = shown_safely("fallbacks", each.value), .why = {}}});
    }

    void special_fallbacks(Entry const& each, std::string const& path, std::string_view why) {
        for (Node const& item : each.value.items) {
            for (Entry const& entry : item.entries) {
                auto const model = std::ranges::find(out_.models, entry.key, &ImportedModel::name);
                special_.emplace_back(model == out_.models.end() ? std::string() : entry.key,
                                      LeftOver{.line = entry.at.line, .path = path + "." + entry.key, .value = shown_safely("fallbacks", entry.value), .why = std::string(why)});
            }
        }
    }

    // --- what needs all models ----------------------------------------------------------------------------------

    ImportedModel* find_model(std::string const& name) {
        auto const found = std::ranges::find(out_.models, name, &ImportedModel::name);
        return found == out_.models.end() ? nullptr : &*found;
    }

    bool reaches(std::string const& from, std::string const& to, std::set<std::string>& seen) {
        if (from == to) return true;
        ImportedModel const* const model = find_model(from);
        if (model == nullptr || !seen.insert(from).second) return false;
        return std::ranges::any_of(model->fallbacks, [&](std::string const& next) { return reaches(next, to, seen); });
    }

    /// A model's name, or where that would make a circle its targets.
    void add_fallback(ImportedModel& model, std::string const& name, LeftOver const& where) {
        ImportedModel const* const other = find_model(name);
        if (other == nullptr || name.contains('*')) {
            LeftOver left = where;
            left.why = other != nullptr ? "a model with a star can't be a fallback: name what it should stand for"
                                        : "`" + name + "` is no model of this file" + (lost_.contains(name) ? " that could be translated" : "");
            model.left.push_back(std::move(left));
            return;
        }
        std::set<std::string> seen;
        std::vector<std::string> names{name};
        if (reaches(name, model.name, seen)) {
            names.clear();
            for (ImportedTarget const& target : other->targets) names.push_back(target.text);
        }
        for (std::string const& each : names) {
            bool const is_target = std::ranges::find(model.targets, each, &ImportedTarget::text) != model.targets.end();
            if (!is_target && std::ranges::find(model.fallbacks, each) == model.fallbacks.end()) model.fallbacks.push_back(each);
        }
    }

    void finish() {
        for (ImportedModel& model : out_.models) {
            say_how_targets_are_tried(model);
        }
        std::set<std::string> with_own;
        for (Fallbacks const& each : fallbacks_) {
            ImportedModel* const model = find_model(each.model);
            bool const is_all = each.model == "*";
            if (is_all) default_fallbacks_.push_back(each);
            if (is_all) continue;
            if (model == nullptr) {
                out_.left["models"].push_back(each.where);
                out_.left["models"].back().why = "`" + each.model + "` is no model of this file" + (lost_.contains(each.model) ? " that could be translated" : "");
                continue;
            }
            with_own.insert(each.model);
            for (std::string const& name : each.names) add_fallback(*model, name, each.where);
            done();
        }
        for (Fallbacks const& each : default_fallbacks_) {
            for (ImportedModel& model : out_.models) {
                if (with_own.contains(model.name)) continue;
                for (std::string const& name : each.names)
                    if (name != model.name) add_fallback(model, name, each.where);
            }
            done();
        }
        for (auto& [name, left] : special_) (name.empty() ? out_.left["models"] : find_model(name)->left).push_back(std::move(left));
        for (Fallbacks& each : aliases_) {
            bool const is_known = find_model(each.names.front()) != nullptr && find_model(each.model) == nullptr && !each.names.front().contains('*');
            if (is_known) {
                out_.aliases[each.model] = each.names.front();
                done();
            } else {
                each.where.why = "an alias needs a name of its own, and a model of this file without a star";
                out_.left["models"].push_back(each.where);
            }
        }
        finish_breaker();
        finish_prices();
    }

    static void say_how_targets_are_tried(ImportedModel& model) {
        std::set<long> orders;
        for (ImportedTarget const& target : model.targets) orders.insert(target.order);
        if (orders.size() == model.targets.size()) return;
        model.left.insert(model.left.begin(), LeftOver{.line = model.left.empty() ? 0 : model.left.front().line, .path = model.name, .value = {},
                                                       .why = "LiteLLM spreads requests over these targets; this version tries them in this order"});
    }

    /// A breaker that opens for longer than it may is an error.
    void finish_breaker() {
        if (out_.open_for.ends_with("ms")) return;
        long seconds = 0;
        std::from_chars(out_.open_for.data(), out_.open_for.data() + out_.open_for.size(), seconds);
        if (seconds > 60) out_.open_max = out_.open_for;
    }

    /// One price alone is not a price.
    void finish_prices() {
        std::erase_if(out_.prices, [this](auto& row) {
            auto& [target, price] = row;
            if (!price.input.empty() && !price.output.empty()) return false;
            out_.left["models"].push_back({.line = 0, .path = "prices." + target, .value = {}, .why = "a price needs `input` and `output`: give both as cost per token"});
            return true;
        });
    }

    Imported out_;
    std::map<std::string, std::string> secrets_;  ///< variable to what stood in the file; leaves this object never
    std::set<std::string> lost_;                  ///< names of models that were left out
    std::vector<Fallbacks> fallbacks_, default_fallbacks_, aliases_;
    std::vector<std::pair<std::string, LeftOver>> special_;
    std::vector<std::pair<std::string, std::string>> pending_prices_;
    std::string current_target_;
};

}  // namespace

LitellmImport import_litellm(std::string_view text, std::string const& file) {
    LitellmImport made;
    auto const root = parse_yaml(text, file, made.problems);
    if (!root || has_errors(made.problems)) return made;
    if (root->shape != Node::Shape::map || root->find("model_list") == nullptr) {
        made.problems.push_back({.at = {.file = file}, .message = "this is no configuration of LiteLLM: there is no `model_list`"});
        return made;
    }
    made.imported = Importer().read(*root);
    return made;
}

}  // namespace sluice::config
