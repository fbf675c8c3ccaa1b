#include <algorithm>
#include <cctype>

#include "config/resolve.hpp"
#include "config/text.hpp"

namespace sluice::config {
namespace {

/// Names of headers in lower case, as requests are compared.
void lower_headers(MatchRule& rule, std::string const& path, Reader& reader) {
    std::map<std::string, std::string> lowered;
    for (auto const& [name, value] : rule.headers) {
        std::string low = name;
        std::ranges::transform(low, low.begin(),
                               [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        bool const is_name = !low.empty() && std::ranges::all_of(low, [](char c) {
            return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("!#$%&'*+-.^_`|~").contains(c);
        });
        bool const is_credential =
            low == "authorization" || low == "x-api-key" || low == "api-key" || low == "x-provider-auth";
        Position const at = reader.place(std::string(path).append(".").append(name));
        if (!is_name) reader.error(at, "`" + clipped(name) + "` is no header name");
        if (is_credential) reader.error(at, "`" + low + "` holds a credential: match by `key` instead");
        lowered[std::move(low)] = value;
    }
    rule.headers = std::move(lowered);
}

void check_callers(MatchRule const& rule, Draft const& draft, std::string const& path, Reader& reader) {
    if (draft.storage.written) return;  // keys may be made at any time
    std::vector<std::string> names;
    names.reserve(draft.keys.size());
    for (KeyDraft const& key : draft.keys) names.push_back(key.settings.caller.name);
    for (std::size_t i = 0; i < rule.callers.size(); ++i) {
        std::string const& pattern = rule.callers[i];
        auto const fits = [&pattern](std::string const& name) {
            return name == pattern || match_star(pattern, name).fits;
        };
        if (std::ranges::any_of(names, fits)) continue;
        std::string const at = path + "[" + std::to_string(i) + "]";
        reader.warning(reader.place(at), reader.subject(at) + " is no key's name" + reader.hint(pattern, names));
    }
}

void check_bounds(MatchRule const& rule, std::string const& path, Reader& reader) {
    if (!reader.has_below(path)) reader.error(reader.place(path), "`when` is empty: the rule would take every request");
    bool const is_never =
        rule.input_tokens_above && rule.input_tokens_up_to && *rule.input_tokens_above >= *rule.input_tokens_up_to;
    if (is_never) {
        reader.error(reader.place(path + ".input_tokens_above"),
                     "`input_tokens_above` is not below `input_tokens_up_to`: no request fits");
    }
}

}  // namespace

void resolve_match(Draft const& draft, std::size_t model, ModelSettings& settings, Reader& reader) {
    std::vector<MatchDraft> const& written = draft.models[model].match;
    for (std::size_t i = 0; i < written.size(); ++i) {
        std::string const path = "models." + settings.name + ".match[" + std::to_string(i) + "]";
        MatchRule rule = written[i].rule;
        std::string const when = path + ".when";
        check_bounds(rule, when, reader);
        lower_headers(rule, when + ".headers", reader);
        check_callers(rule, draft, when + ".key", reader);
        if (!written[i].use) continue;  // said already
        std::string const use = path + ".use";
        auto const found =
            std::ranges::find(draft.models, *written[i].use, [](ModelDraft const& each) { return each.settings.name; });
        rule.use = static_cast<std::size_t>(found - draft.models.begin());
        if (found == draft.models.end()) {
            std::vector<std::string> names;
            names.reserve(draft.models.size());
            for (ModelDraft const& each : draft.models) names.push_back(each.settings.name);
            reader.error(reader.place(use),
                         reader.subject(use) + " is no model's name" + reader.hint(*written[i].use, names));
        } else if (rule.use == model) {
            reader.error(reader.place(use), "a rule of `" + clipped(settings.name) + "` must use another model");
        } else if (found->settings.name.contains('*')) {
            reader.error(reader.place(use), reader.subject(use) + " has a `*`: nothing would fill it");
        }
        settings.match.push_back(std::move(rule));
    }
}

}  // namespace sluice::config
