#include <algorithm>
#include <utility>

#include "config/addresses.hpp"
#include "config/catalogue.hpp"
#include "config/import/litellm_names.hpp"
#include "config/import/litellm_state.hpp"
#include "config/import/secrecy.hpp"

/// The keys of model_list: docs.litellm.ai/docs/proxy/configs and /docs/routing, read 2026-11.
namespace sluice::config {
namespace {

class Models {
public:
    explicit Models(LitellmState& state) : state_(state) {}

    void model(Node const& item, std::string const& path) {
        Node const* const name = item.find("model_name");
        Node const* const params = item.find("litellm_params");
        if (name == nullptr || name->text.empty() || params == nullptr) {
            state_.out.left["models"].push_back({.line = item.at.line,
                                                 .path = path,
                                                 .value = {},
                                                 .why = "`model_name` or `litellm_params` is missing"});
            return;
        }
        auto const mode = mode_of(item);
        Node const* const written_model = params->find("model");
        auto meant =
            read_litellm_model(written_model == nullptr ? std::string_view() : std::string_view(written_model->text));
        if (!mode.empty() && mode != "chat" && mode != "completion" && mode != "responses")
            meant = std::unexpected("its mode is " + mode + ": this version serves chat completions only");
        if (meant && meant->model.contains('*') && !name->text.contains('*'))
            meant = std::unexpected("a star here needs one in `model_name`");
        if (std::ranges::count(name->text, '*') > 1) meant = std::unexpected("a name can have one star");
        if (!meant) {
            state_.out.left["models"].push_back(
                {.line = item.at.line,
                 .path = path + " " + name->text,
                 .value = written_model == nullptr ? "" : shown_safely("model", *written_model),
                 .why = meant.error()});
            state_.lost.insert(name->text);
            return;
        }
        ImportedModel& to = model_named(name->text, item.at.line);
        ListEntry entry{.path = path + ".litellm_params", .params = params, .to = &to, .model = *std::move(meant)};
        entry.provider.type = entry.model.type;
        address(entry);
        for (Entry const& each : params->entries) parameter(each, entry);
        key(entry);
        add_target(entry);
        for (Entry const& each : item.entries) {
            if (each.key == "model_info")
                model_info(each.value, path + ".model_info", entry);
            else if (each.key != "model_name" && each.key != "litellm_params")
                leave(to.left, each, path + "." + each.key, not_in_this_version);
        }
        to.left.insert(to.left.end(), entry.left.begin(), entry.left.end());
    }

private:
    struct ListEntry {  // of model_list, while it is read
        std::string path;
        Node const* params = nullptr;
        ImportedModel* to = nullptr;
        LitellmModel model{};
        ImportedProvider provider{};
        std::vector<LeftOver> left{};
        long order = 0;
        std::string weight{};
    };
    static std::string mode_of(Node const& item) {
        Node const* const info = item.find("model_info");
        Node const* const mode = info == nullptr ? nullptr : info->find("mode");
        return mode == nullptr ? std::string() : mode->text;
    }

    ImportedModel& model_named(std::string const& name, int line) {
        auto const found = std::ranges::find(state_.out.models, name, &ImportedModel::name);
        if (found != state_.out.models.end()) return *found;
        return state_.out.models.emplace_back(ImportedModel{.name = name, .line = line});
    }

    /// api_base and api_version.
    void address(ListEntry& entry) {
        Node const* base = entry.params->find("api_base");
        if (base == nullptr) base = entry.params->find("base_url");
        Node const* const version = entry.params->find("api_version");
        if (base != nullptr && base->text.contains('@')) {
            if (entry.model.type == "openai") entry.provider.type = "custom";
            entry.provider.base_url = "${PROVIDER_BASE_URL}";
            entry.left.push_back({.line = base->at.line,
                                  .path = entry.path + ".api_base",
                                  .value = "***",
                                  .why = "a password stands in this address: Sluice takes none there; set the variable "
                                         "PROVIDER_BASE_URL to the address without it"});
            return;
        }
        if (entry.model.type == "azure") return azure(entry, base, version);
        if (base == nullptr) return;
        bool const is_openai = entry.model.type == "openai";
        auto const url = url_of(*base);
        if (is_openai && !variable_of(*base).empty()) entry.provider.type = "custom";
        if (is_openai && variable_of(*base).empty() && parts_of_url(url).host != "api.openai.com")
            entry.provider.type = "custom";
        if (entry.model.type == "ollama" && !url.ends_with("/v1")) {
            entry.provider.base_url = url + "/v1";
        } else {
            entry.provider.base_url = url;
        }
        state_.done();
    }

    /// Without a slash at its end. A variable's value can't be looked at.
    static std::string url_of(Node const& node) {
        auto url = written(node);
        while (url.ends_with('/')) url.pop_back();
        return url;
    }

    void azure(ListEntry& entry, Node const* base, Node const* version) {
        ImportedProvider& provider = entry.provider;
        std::string const dated = version == nullptr ? "" : written(*version);
        bool const is_v1 = dated.empty() || dated == "v1" || dated == "preview" || dated == "latest";
        provider.type = is_v1 ? "azure" : "azure-legacy";
        if (!is_v1) provider.variables["api_version"] = dated;
        constexpr std::string_view domain = ".openai.azure.com";
        std::string const variable = base == nullptr ? "AZURE_API_BASE" : variable_of(*base);
        if (!variable.empty()) {
            provider.base_url = "${" + variable + "}" + (is_v1 ? "/openai/v1" : "/openai");
            entry.left.push_back(
                {.line = entry.params->at.line,
                 .path = entry.path + ".api_base",
                 .value = {},
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
        state_.done();
    }

    void key(ListEntry& entry) {
        Profile const* const profile = find_profile(entry.provider.type);
        auto const found = std::ranges::find(entry.params->entries, "api_key", &Entry::key);
        bool const is_placeholder = found != entry.params->entries.end() && profile != nullptr && !profile->needs_key &&
                                    variable_of(found->value).empty() && found->value.text.size() < 8;
        if (found != entry.params->entries.end() && !is_placeholder && !found->value.text.empty()) {
            entry.provider.api_key =
                state_.secret(*found, entry.model.variable, entry.path + ".api_key", entry.provider.left);
            return;
        }
        bool const sends_none =
            is_placeholder || (profile != nullptr && !profile->needs_key && entry.model.type != "openai");
        entry.provider.api_key =
            sends_none ? "none"
                       : "${" + (entry.model.variable.empty() ? "PROVIDER_API_KEY" : entry.model.variable) + "}";
    }

    void parameter(Entry const& each, ListEntry& entry) {
        ImportedModel& to = *entry.to;
        auto const path = entry.path + "." + each.key;
        auto const seconds = [&each] { return duration_of_seconds(each.value.text); };
        std::string const& k = each.key;
        bool const is_read = k == "model" || k == "api_base" || k == "base_url" || k == "api_key" || k == "api_version";
        if (is_read)
            return k == "api_version" && !entry.model.type.starts_with("azure")
                       ? leave(entry.left, each, path, "only Azure has versions")
                       : void();
        if (k == "timeout") return state_.set(to.total, seconds(), each, path, entry.left);
        if (k == "stream_timeout") return state_.set(to.first_token, seconds(), each, path, entry.left);
        if (k == "num_retries" || k == "max_retries")
            return state_.set(to.attempts, count_of(each.value, 10), each, path, entry.left);
        if (k == "drop_params") return state_.set_policy(to.unsupported, each, path, entry.left);
        if (k == "order") {
            auto const order = count_of(each.value, 1'000'000);
            if (!order) return leave(entry.left, each, path, "`order` must be a whole number");
            entry.order = std::stol(*order);
            return state_.done();
        }
        if (k == "organization") return header("openai-organization", each, entry);
        if (k == "aws_region_name" && entry.model.type == "bedrock") return variable("region", each, entry);
        if (k == "vertex_project" && entry.model.type == "vertex") return variable("project", each, entry);
        if (k == "vertex_location" && entry.model.type == "vertex") {
            if (variable_of(each.value).empty() && each.value.text != "global")
                entry.provider.variables["host"] = each.value.text + "-aiplatform.googleapis.com";
            return variable("region", each, entry);
        }
        if (k == "extra_headers" || k == "headers")
            return leave(entry.provider.left, each, path,
                         "put these under the provider's `headers`; a value may be a secret, so none is written here");
        if (k == "input_cost_per_token" || k == "output_cost_per_token") return price(each, entry);
        if (k == "custom_llm_provider")
            return leave(entry.left, each, path, "the provider is the one that `model` begins with");
        if (k == "weight") {
            auto const weight = count_of(each.value, 1'000'000);
            if (!weight) return leave(entry.left, each, path, "a weight must be a whole number");
            entry.weight = *weight;
            return state_.done();
        }
        if (k == "rpm" || k == "tpm")
            return leave(entry.left, each, path, "limits of a target belong to a later version");
        if (k == "max_parallel_requests")
            return leave(entry.left, each, path,
                         "a limit of a target belongs to a later version; a provider's is `max_in_flight`");
        if (k == "temperature" || k == "max_tokens" || k == "top_p" || k == "seed") {
            return leave(entry.left, each, path,
                         "a rule `{ field: " + k +
                             ", do: default, value: ... }` under the provider's `parameters` does this, but replaces "
                             "the catalogue's rules on that field");
        }
        leave(entry.left, each, path,
              is_secret_key(k) ? "this way to identify oneself belongs to a later version" : not_in_this_version);
    }

    void header(std::string const& name, Entry const& each, ListEntry& entry) {
        entry.provider.headers[name] = written(each.value);
        state_.done();
    }
    void variable(std::string const& name, Entry const& each, ListEntry& entry) {
        entry.provider.variables[name] = written(each.value);
        state_.done();
    }

    /// The provider with this address and key, new or already there.
    std::string provider_name(ImportedProvider provider) {
        for (ImportedProvider& each : state_.out.providers) {
            if (!each.is_same_as(provider)) continue;
            for (LeftOver& left : provider.left)
                if (std::ranges::find(each.left, left.why, &LeftOver::why) == each.left.end())
                    each.left.push_back(std::move(left));
            return each.name;
        }
        auto const taken = [this](std::string const& name) {
            return std::ranges::find(state_.out.providers, name, &ImportedProvider::name) != state_.out.providers.end();
        };
        provider.name = provider.type;
        for (int n = 2; taken(provider.name); ++n) provider.name = provider.type + "-" + std::to_string(n);
        state_.out.providers.push_back(provider);
        return provider.name;
    }

    void add_target(ListEntry& entry) {
        auto target = provider_name(std::move(entry.provider)) + "/" + doubled(entry.model.model);
        auto& targets = entry.to->targets;
        current_target_ = target;
        for (auto& [where, price] : std::exchange(pending_prices_, {}))
            price_of(target, where, entry.params->at.line) = price;
        bool const is_there = std::ranges::find(targets, target, &ImportedTarget::text) != targets.end();
        if (is_there) {
            entry.left.push_back({.line = entry.params->at.line,
                                  .path = entry.path,
                                  .value = target,
                                  .why = "this model has the same target already"});
            return;
        }
        auto const behind = std::ranges::upper_bound(targets, entry.order, {}, &ImportedTarget::order);
        targets.insert(behind, {.order = entry.order, .text = std::move(target), .weight = entry.weight});
        state_.done();
    }

    std::string& price_of(std::string const& target, std::string const& kind, int line) {
        ImportedPrice& price = state_.out.prices[target];
        price.line = line;
        if (kind == "input_cost_per_token") return price.input;
        if (kind == "output_cost_per_token") return price.output;
        return kind == "cache_read_input_token_cost" ? price.cached_input : price.cache_write;
    }

    /// In litellm_params, where the target is not known yet, and in model_info.
    void price(Entry const& each, ListEntry& entry) {
        auto const amount = per_million(each.value.text);
        if (!amount) return leave(entry.left, each, entry.path + "." + each.key, "this is no price per token");
        pending_prices_.emplace_back(each.key, *amount);
        state_.done();
    }

    void model_info(Node const& info, std::string const& path, ListEntry& entry) {
        for (Entry const& each : info.entries) {
            std::string const& k = each.key;
            std::string where = path;
            where.append(".").append(k);
            bool const is_price = k == "input_cost_per_token" || k == "output_cost_per_token" ||
                                  k == "cache_read_input_token_cost" || k == "cache_creation_input_token_cost";
            if (k == "mode") {
                state_.done();
            } else if (k == "description") {
                state_.set(entry.to->description, written(each.value), each, where, entry.left);
            } else if (auto const amount = per_million(each.value.text); is_price && amount) {
                price_of(current_target_, k, each.at.line) = *amount;
                state_.done();
            } else {
                leave(entry.left, each, where,
                      "the catalogue says what a model can do; ids and labels belong to LiteLLM's database");
            }
        }
    }

    LitellmState& state_;
    std::vector<std::pair<std::string, std::string>> pending_prices_;
    std::string current_target_;
};

}  // namespace

void read_litellm_models(Node const& list, LitellmState& state) {
    Models models(state);
    for (std::size_t i = 0; i < list.items.size(); ++i) {
        models.model(list.items[i], "model_list[" + std::to_string(i) + "]");
    }
}

}  // namespace sluice::config
