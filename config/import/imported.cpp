#include "config/import/imported.hpp"

#include <algorithm>
#include <tuple>

#include "config/yaml_text.hpp"

namespace sluice::config {
namespace {

/// Writes lines, indented.
class Page {
public:
    explicit Page(std::string const& from) : from_(from) {}

    void line(std::size_t depth, std::string const& text) { text_ += std::string(depth * 2, ' ') + text + "\n"; }
    void entry(std::size_t depth, std::string const& key, std::string const& value) {
        if (!value.empty()) line(depth, key + ": " + value);
    }
    void comments(std::size_t depth, std::vector<LeftOver> const& left) {
        for (LeftOver const& each : left) {
            line(depth, "# " + from_ + ":" + std::to_string(each.line) + ": " + each.path +
                            (each.value.empty() ? "" : ": " + each.value));
            line(depth, "#   " + each.why);
        }
    }
    /// A map on one line, of what has a value.
    void flow(std::size_t depth, std::string const& key,
              std::vector<std::pair<std::string, std::string>> const& members) {
        std::string inside;
        for (auto const& [name, value] : members)
            if (!value.empty()) inside.append(inside.empty() ? "" : ", ").append(name).append(": ").append(value);
        if (!inside.empty()) line(depth, key + ": { " + inside + " }");
    }
    std::string take() { return std::move(text_); }

private:
    std::string const& from_;
    std::string text_;
};

void write_provider(Page& page, ImportedProvider const& provider) {
    page.line(1, yaml_scalar(provider.name) + ":");
    page.comments(2, provider.left);
    if (provider.type != provider.name) page.entry(2, "type", yaml_scalar(provider.type));
    if (!provider.base_url.empty()) page.entry(2, "base_url", yaml_scalar(provider.base_url));
    if (!provider.api_key.empty()) page.entry(2, "api_key", yaml_scalar(provider.api_key));
    for (auto const& [title, map] :
         {std::pair("variables", &provider.variables), std::pair("headers", &provider.headers)}) {
        if (!map->empty()) page.line(2, std::string(title) + ":");
        for (auto const& [name, value] : *map) page.entry(3, yaml_scalar(name), yaml_scalar(value));
    }
}

std::string text_of(ImportedTarget const& target) {
    if (target.weight.empty() && target.priority.empty()) return yaml_scalar(target.text);
    std::string text = "{ to: " + yaml_scalar(target.text);
    if (!target.weight.empty()) text += ", weight: " + target.weight;
    if (!target.priority.empty()) text += ", priority: " + target.priority;
    return text + " }";
}

std::string list_of(std::vector<std::string> const& names) {
    std::string text;
    for (std::string const& name : names) text += (text.empty() ? "" : ", ") + yaml_scalar(name);
    return text.empty() ? "" : "[" + text + "]";
}

void write_model(Page& page, ImportedModel const& model, std::string const& unsupported) {
    std::string const policy = model.unsupported.empty() ? unsupported : model.unsupported;
    bool const is_plain = model.targets.size() == 1 && model.fallbacks.empty() && model.left.empty() &&
                          model.on_context_length.empty() && model.on_content_filter.empty() && policy.empty() &&
                          model.description.empty() && model.total.empty() && model.first_token.empty() &&
                          model.attempts.empty();
    if (is_plain) return page.entry(1, yaml_scalar(model.name), yaml_scalar(model.targets.front().text));
    page.line(1, yaml_scalar(model.name) + ":");
    page.comments(2, model.left);
    if (!model.description.empty()) page.entry(2, "description", yaml_scalar(model.description));
    page.entry(2, "route", model.route);
    page.line(2, "targets:");
    for (ImportedTarget const& target : model.targets) page.line(3, "- " + text_of(target));
    if (!model.fallbacks.empty()) page.line(2, "fallbacks:");
    for (std::string const& each : model.fallbacks) page.line(3, "- " + yaml_scalar(each));
    page.flow(
        2, "fallbacks_on",
        {{"context_length", list_of(model.on_context_length)}, {"content_filter", list_of(model.on_content_filter)}});
    page.entry(2, "unsupported", policy);
    page.flow(2, "timeout", {{"first_token", model.first_token}, {"total", model.total}});
    page.flow(2, "retry", {{"attempts", model.attempts}});
}

}  // namespace

std::vector<LeftOver> Imported::all_left() const {
    std::vector<LeftOver> all;
    auto const add = [&all](std::vector<LeftOver> const& some) { all.insert(all.end(), some.begin(), some.end()); };
    for (auto const& [section, some] : left) add(some);
    for (ImportedProvider const& provider : providers) add(provider.left);
    for (ImportedModel const& model : models) add(model.left);
    std::ranges::sort(all, {}, [](LeftOver const& each) { return std::tie(each.line, each.path); });
    return all;
}

std::string to_yaml(Imported const& imported, std::string const& from) {
    auto const left_at = [&imported](char const* section) {
        auto const found = imported.left.find(section);
        return found == imported.left.end() ? std::vector<LeftOver>{} : found->second;
    };
    Page page(from);
    page.line(0,
              "# Made of " + from + " by `sluice import litellm`. What could not be translated stands as a comment.");
    page.line(0, "version: 1");
    page.comments(0, left_at(""));
    bool const has_defaults =
        !(imported.total + imported.first_token + imported.attempts + imported.failures + imported.open_for).empty();
    if (has_defaults || !left_at("defaults").empty()) page.line(0, has_defaults ? "\ndefaults:" : "\n# defaults:");
    page.comments(1, left_at("defaults"));
    page.flow(1, "timeout", {{"first_token", imported.first_token}, {"total", imported.total}});
    page.flow(1, "retry", {{"attempts", imported.attempts}});
    page.flow(1, "breaker",
              {{"consecutive", imported.failures}, {"open_for", imported.open_for}, {"open_max", imported.open_max}});
    page.line(0, "\nproviders:");
    page.comments(1, left_at("providers"));
    for (ImportedProvider const& provider : imported.providers) write_provider(page, provider);
    page.line(0, "\nmodels:");
    page.comments(1, left_at("models"));
    for (ImportedModel const& model : imported.models) write_model(page, model, imported.unsupported);
    for (auto const& [alias, model] : imported.aliases) page.entry(1, yaml_scalar(alias), yaml_scalar(model));
    if (!imported.keys.empty()) page.line(0, "\nkeys:");
    page.comments(imported.keys.empty() ? 0 : 1, left_at("keys"));
    for (auto const& [name, value] : imported.keys) {
        page.line(1, "- name: " + yaml_scalar(name));
        page.line(2, "value: " + yaml_scalar(value));
    }
    if (!imported.prices.empty()) page.line(0, "\nprices:");
    for (auto const& [target, price] : imported.prices) {
        page.flow(1, yaml_scalar(target),
                  {{"input", price.input},
                   {"output", price.output},
                   {"cached_input", price.cached_input},
                   {"cache_write", price.cache_write}});
    }
    if (!(imported.log_level + imported.log_format).empty()) {
        page.line(0, "\ntelemetry:");
        page.flow(1, "log", {{"level", imported.log_level}, {"format", imported.log_format}});
    }
    page.comments(0, left_at("telemetry"));
    page.comments(0, left_at("storage"));
    return page.take();
}

}  // namespace sluice::config
