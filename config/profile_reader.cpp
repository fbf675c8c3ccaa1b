#include "config/profile_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>

#include "config/text.hpp"
#include "config/yaml_tree.hpp"

namespace sluice::config {
namespace {

std::vector<std::string> words_of(Node const& node) {
    std::vector<std::string> words;
    if (node.shape == Node::Shape::scalar) words.push_back(node.text);
    for (Node const& item : node.items) words.push_back(item.text);
    return words;
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
}

std::vector<std::string> lower_words_of(Node const& node) {
    auto words = words_of(node);
    for (auto& word : words) word = lower(std::move(word));
    return words;
}

/// A map whose keys each have a reader. An unknown key is a problem.
class Members {
public:
    explicit Members(std::vector<Problem>& problems) : problems_(problems) {}

    Members& text(std::string_view key, std::string& to) {
        return on(key, [&to](Node const& node) { to = node.text; });
    }
    Members& words(std::string_view key, std::vector<std::string>& to) {
        return on(key, [&to](Node const& node) { to = words_of(node); });
    }
    Members& flag(std::string_view key, bool& to) {
        return on(key, [this, &to](Node const& node) { to = flag_of(node); });
    }
    Members& flag(std::string_view key, std::optional<bool>& to) {
        return on(key, [this, &to](Node const& node) { to = flag_of(node); });
    }
    Members& count(std::string_view key, std::uint64_t& to) {
        return on(key, [this, &to](Node const& node) { to = count_of(node); });
    }
    Members& on(std::string_view key, std::function<void(Node const&)> read) {
        readers_.emplace_back(key, std::move(read));
        return *this;
    }
    void read(Node const& node) {
        for (Entry const& entry : node.entries) {
            auto const found = std::ranges::find(readers_, entry.key, &Reader::first);
            if (found != readers_.end()) {
                found->second(entry.value);
            } else {
                complain(entry.at, "unknown key `" + clipped(entry.key) + "`");
            }
        }
    }
    void complain(Position const& at, std::string message) {
        problems_.push_back({.at = at, .message = std::move(message)});
    }

private:
    using Reader = std::pair<std::string_view, std::function<void(Node const&)>>;

    bool flag_of(Node const& node) {
        if (node.text != "true" && node.text != "false") complain(node.at, "must be true or false");
        return node.text == "true";
    }
    std::uint64_t count_of(Node const& node) {
        std::uint64_t count = 0;
        auto const* const end = node.text.data() + node.text.size();
        auto const [stop, error] = std::from_chars(node.text.data(), end, count);
        if (error != std::errc() || stop != end) complain(node.at, "must be a whole number");
        return count;
    }

    std::vector<Problem>& problems_;
    std::vector<Reader> readers_;
};

void read_auth(Node const& node, Profile& profile, std::vector<Problem>& problems) {
    std::string scheme = "bearer";
    std::string variable;
    std::vector<std::string> others;
    Members members(problems);
    members.text("scheme", scheme).text("header", profile.settings.auth_header).text("env", variable);
    members.words("other_env", others).flag("required", profile.needs_key).read(node);
    if (!variable.empty()) profile.key_variables.push_back(variable);
    profile.key_variables.insert(profile.key_variables.end(), others.begin(), others.end());
    auto& auth = profile.settings.auth;
    if (scheme == "none") {
        auth = AuthScheme::none;
        profile.needs_key = false;
    } else if (scheme == "header" && !profile.settings.auth_header.empty()) {
        auth = AuthScheme::header;
    } else if (scheme != "bearer") {
        members.complain(node.at, "`scheme` must be bearer, none, or header with a `header`");
    }
}

void read_variables(Node const& node, Profile& profile, std::vector<Problem>& problems) {
    for (Entry const& entry : node.entries) {
        Variable variable;
        variable.name = entry.key;
        Members members(problems);
        members.on("default", [&variable](Node const& value) { variable.standard = value.text; });
        members.text("env", variable.env).words("values", variable.values).text("example", variable.example);
        members.on("regions", [&variable](Node const& value) {
            for (Entry const& row : value.entries) variable.regions.emplace_back(row.key, row.value.text);
        });
        members.text("why", variable.why).read(entry.value);
        profile.variables.push_back(std::move(variable));
    }
}

void read_sources(Node const& node, std::vector<Source>& sources, std::vector<Problem>& problems) {
    constexpr std::array<std::string_view, 4> kinds{"verified", "secondary", "unverified", "seed"};
    for (Entry const& entry : node.entries) {
        Source source;
        source.name = entry.key;
        Members members(problems);
        members.text("what", source.what).text("date", source.date).text("evidence", source.evidence);
        members.read(entry.value);
        if (source.what.empty() || source.date.empty() || std::ranges::find(kinds, source.evidence) == kinds.end())
            members.complain(entry.at, "a source needs `what`, `date` and `evidence`");
        sources.push_back(std::move(source));
    }
}

void read_headers(Node const& node, std::map<std::string, std::string>& headers) {
    for (Entry const& entry : node.entries) headers[lower(entry.key)] = entry.value.text;
}

void read_tags(Node const& node, std::vector<ReasoningTags>& tags, std::vector<Problem>& problems) {
    for (Node const& item : node.items) {
        ReasoningTags tag;
        std::string source;
        Members members(problems);
        members.words("models", tag.models).text("open", tag.open).text("close", tag.close);
        members.flag("starts_open", tag.starts_open).text("source", source).read(item);
        if (tag.open.empty() || tag.close.empty()) members.complain(item.at, "tags need `open` and `close`");
        tags.push_back(std::move(tag));
    }
}

void read_models(Node const& node, std::vector<ModelFacts>& models, std::vector<Problem>& problems) {
    for (Node const& item : node.items) {
        ModelFacts facts;
        Members members(problems);
        members.words("match", facts.match).flag("tools", facts.tools).flag("stream_tools", facts.stream_tools);
        members.flag("parallel_tools", facts.parallel_tools).flag("vision", facts.vision);
        members.flag("tool_choice_required", facts.tool_choice_required).flag("json_object", facts.json_object);
        members.flag("json_schema", facts.json_schema).flag("reasoning", facts.reasoning);
        members.flag("continues_assistant", facts.continues_assistant);
        members.count("context", facts.context).count("max_output", facts.max_output);
        members.text("source", facts.source).read(item);
        if (facts.match.empty()) members.complain(item.at, "facts about models need `match`");
        models.push_back(std::move(facts));
    }
}

/// What makes a model go on with the last message.
void read_continue(Node const& node, ProviderSettings& settings, std::vector<Problem>& problems) {
    for (Node const& item : node.items) {
        std::string field;
        std::string in;
        std::string value = "true";
        std::string source;
        Members members(problems);
        members.text("field", field).text("in", in).text("source", source);
        members.on("value", [&value](Node const& given) { value = json_of(given); }).read(item);
        if (field.empty() || (in != "message" && in != "request"))
            members.complain(item.at, "`continue_with` needs `field`, and `in`: message or request");
        auto& to = in == "message" ? settings.continue_message_members : settings.continue_request_members;
        to.emplace_back(std::move(field), std::move(value));
    }
}

void read_limits(Node const& node, std::vector<RateFacts>& limits, std::vector<Problem>& problems) {
    for (Node const& item : node.items) {
        RateFacts facts;
        Members members(problems);
        members.text("tier", facts.tier).count("requests_per_minute", facts.requests_per_minute);
        members.count("requests_per_day", facts.requests_per_day).count("tokens_per_minute", facts.tokens_per_minute);
        members.count("tokens_per_day", facts.tokens_per_day).count("concurrent", facts.concurrent);
        members.text("source", facts.source).read(item);
        limits.push_back(std::move(facts));
    }
}

/// Every rule, fact about models and limit names a source of its file; rules of a set were checked with it.
void check_sources(Node const& root, std::vector<Source> const& sources, std::vector<Problem>& problems) {
    for (Entry const& entry : root.entries) {
        if (entry.key == "reasoning_tags") continue;
        for (Node const& item : entry.value.items) {
            bool const is_fact = item.shape == Node::Shape::map && item.find("use") == nullptr;
            if (!is_fact) continue;
            Node const* const source = item.find("source");
            bool const known =
                source != nullptr && std::ranges::find(sources, source->text, &Source::name) != sources.end();
            if (!known) problems.push_back({.at = item.at, .message = "this names no source of its file"});
        }
    }
}

}  // namespace

std::optional<Profile> read_profile(ShippedFile const& file, RuleSets const& sets, std::vector<Problem>& problems) {
    auto const root = parse_yaml(file.text, std::string(file.name), problems);
    if (!root || root->entries.size() != 1) {
        problems.push_back({.at = {.file = std::string(file.name)}, .message = "one provider per file"});
        return std::nullopt;
    }
    auto const& [name, at, facts] = root->entries.front();
    Profile profile;
    profile.name = name;
    ProviderSettings& settings = profile.settings;
    std::uint64_t preference = 100;
    Members members(problems);
    members.text("title", profile.title)
        .text("dialect", settings.dialect)
        .text("telemetry_name", settings.telemetry_name);
    members.text("base_url", settings.base_url).text("base_url_env", profile.base_url_variable);
    members.text("chat_path", settings.chat_path).flag("include_usage", settings.include_usage);
    members.words("regions", profile.regions).words("notes", profile.notes).text("status", profile.status);
    members.flag("self_hosted", profile.self_hosted).flag("cancel_stops_billing", profile.cancel_stops_billing);
    members.count("preference", preference);
    members.on("forward_headers", [&](Node const& node) { settings.forward_headers = lower_words_of(node); });
    members.on("answer_headers", [&](Node const& node) { settings.answer_headers = lower_words_of(node); });
    members.on("headers", [&](Node const& node) { read_headers(node, settings.headers); });
    members.on("auth", [&](Node const& node) { read_auth(node, profile, problems); });
    members.on("variables", [&](Node const& node) { read_variables(node, profile, problems); });
    members.on("sources", [&](Node const& node) { read_sources(node, profile.sources, problems); });
    members.on("reasoning_tags", [&](Node const& node) { read_tags(node, settings.reasoning_tags, problems); });
    members.on("parameters", [&](Node const& node) { settings.parameters = read_rules(node, sets, problems); });
    members.on("models", [&](Node const& node) { read_models(node, profile.models, problems); });
    members.flag("router", settings.is_router);
    members.on("continue_with", [&](Node const& node) { read_continue(node, settings, problems); });
    members.on("limits", [&](Node const& node) { read_limits(node, profile.limits, problems); });
    members.read(facts);
    profile.preference = static_cast<int>(preference);
    bool const is_one_place = profile.regions.size() == 1 && profile.regions.front() != "global";
    if (is_one_place) settings.traits.region = profile.regions.front();
    if (profile.sources.empty()) members.complain(at, "no sources");
    check_sources(facts, profile.sources, problems);
    return profile;
}

RuleSets read_rule_sets(ShippedFile const& file, std::vector<Source>& sources, std::vector<Problem>& problems) {
    RuleSets sets;
    auto const root = parse_yaml(file.text, std::string(file.name), problems);
    if (!root) return sets;
    if (Node const* node = root->find("sources")) read_sources(*node, sources, problems);
    for (Entry const& entry : root->entries) {
        if (entry.key != "sources") sets[entry.key] = read_rules(entry.value, {}, problems);
    }
    check_sources(*root, sources, problems);
    return sets;
}

std::vector<CanonicalModel> read_canonical_models(ShippedFile const& file, std::vector<Problem>& problems) {
    std::vector<CanonicalModel> models;
    auto const root = parse_yaml(file.text, std::string(file.name), problems);
    if (!root) return models;
    for (Entry const& entry : root->entries) {
        if (entry.key == "sources") continue;
        CanonicalModel model;
        model.name = entry.key;
        Members members(problems);
        members.text("title", model.title).text("source", model.source);
        members.on("at", [&model](Node const& at) {
            for (Entry const& id : at.entries) model.at[id.key] = id.value.text;
        });
        members.read(entry.value);
        models.push_back(std::move(model));
    }
    return models;
}

}  // namespace sluice::config
