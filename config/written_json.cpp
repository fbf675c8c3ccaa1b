#include "config/written_json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "config/binding.hpp"
#include "config/model_names.hpp"
#include "config/reader.hpp"
#include "config/resolve.hpp"
#include "config/text.hpp"

namespace sluice::config {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t deepest = 16;

Position at(std::string path) { return Position{.file = std::move(path), .line = 1, .column = 1}; }

/// Nothing here is a variable.
std::string without_variables(std::string_view text) {
    std::string out;
    for (char const c : text) {
        out += c;
        if (c == '$') out += c;
    }
    return out;
}

std::string path_of(std::string_view path, std::string_view key, Json const& parent) {
    std::string inner(path);
    if (parent.is_array()) return inner.append("[").append(key).append("]");
    return path.empty() ? std::string(key) : inner.append(".").append(key);
}

/// The places are paths instead of lines. Nothing: it is too deep.
std::optional<Node> node_of(Json const& json, std::string const& path, std::size_t depth) {
    if (depth > deepest) return std::nullopt;
    if (json.is_null()) return Node(Node::Shape::null, at(path));
    if (!json.is_structured()) {
        auto const text = json.is_string() ? json.get<std::string>() : json.dump();
        return Node(Node::Shape::scalar, at(path), without_variables(text));
    }
    Node node(json.is_object() ? Node::Shape::map : Node::Shape::list, at(path));
    for (auto const& [key, value] : json.items()) {
        auto const inner = path_of(path, key, json);
        auto child = node_of(value, inner, depth + 1);
        if (!child) return std::nullopt;
        if (json.is_array()) {
            node.items.push_back(*std::move(child));
        } else {
            node.entries.push_back(Entry{key, at(inner), *std::move(child)});
        }
    }
    return node;
}

/// Of two members with one name nobody knows which is meant.
Json parse_strictly(std::string_view text, std::string& twice) {
    std::vector<std::set<std::string>> open;
    auto const look = [&open, &twice](int, Json::parse_event_t event, Json& value) {
        if (event == Json::parse_event_t::object_start) open.emplace_back();
        if (event == Json::parse_event_t::object_end) open.pop_back();
        if (event == Json::parse_event_t::key && !open.back().insert(value.get<std::string>()).second)
            twice = value.get<std::string>();
        return true;
    };
    return Json::parse(text, look, false);
}

std::expected<Node, WrittenFaults> read_tree(std::string_view text) {
    std::string twice;
    auto const json = parse_strictly(text, twice);
    if (!json.is_object()) return std::unexpected(WrittenFaults{{.message = "the body must be a JSON object"}});
    if (!twice.empty())
        return std::unexpected(WrittenFaults{{.path = twice, .message = "`" + clipped(twice) + "` stands twice"}});
    auto node = node_of(json, "", 0);
    if (!node) return std::unexpected(WrittenFaults{{.message = "the body is nested too deeply"}});
    return *std::move(node);
}

/// Fills `object` by `section`; then `finish(reader)`.
template <class Finish>
WrittenFaults read(std::string_view text, Section const& section, void* object, Finish const& finish) {
    auto const node = read_tree(text);
    if (!node) return node.error();
    std::vector<Problem> problems;
    Environment const environment;
    Files const files;
    Reader reader(environment, files, problems);
    reader.read_section(section, object, *node);
    finish(reader);
    WrittenFaults faults;
    for (Problem const& problem : problems) {
        if (problem.severity == Severity::error) faults.push_back({problem.at.file, problem.message});
    }
    return faults;
}

}  // namespace

Section const& written_key_section() {
    static Section const section = [] {
        Section made = key_section();
        std::erase_if(made.fields, [](Field const& field) { return field.key == "value" || field.key == "hash"; });
        return made;
    }();
    return section;
}

Section const& written_team_section() {
    static Section const section = [] {
        Section made = team_section();
        made.fields.insert(made.fields.begin(), {.key = "name",
                                                 .kind = Kind::text,
                                                 .sentence = "For keys, logs and reports.",
                                                 .bind = bind<&TeamDraft::settings, &TeamSettings::name>(),
                                                 .presence = Presence::required,
                                                 .example = "search"});
        return made;
    }();
    return section;
}

std::expected<KeySettings, WrittenFaults> read_written_key(std::string_view json) {
    KeyDraft draft;
    auto faults = read(json, written_key_section(), &draft, [&draft](Reader& reader) {
        check_key_name(draft.settings.caller.name, "name", reader);
        if (draft.settings.caller.models.empty() && reader.has("models"))
            reader.error(reader.place("models"), "`models` is empty: leave it out to allow all, or name some");
        draft.settings.limits = limits_of(draft.limits, "rate.windows", "budget", reader);
    });
    if (!faults.empty()) return std::unexpected(std::move(faults));
    return std::move(draft.settings);
}

std::expected<TeamSettings, WrittenFaults> read_written_team(std::string_view json) {
    TeamDraft draft;
    auto faults = read(json, written_team_section(), &draft, [&draft](Reader& reader) {
        check_team_name(draft.settings.name, "name", reader);
        if (draft.settings.models.empty() && reader.has("models"))
            reader.error(reader.place("models"), "`models` is empty: leave it out to allow all, or name some");
        draft.settings.limits = limits_of(draft.limits, "rate.windows", "budget", reader);
    });
    if (!faults.empty()) return std::unexpected(std::move(faults));
    return std::move(draft.settings);
}

WrittenFaults check_written_models(std::vector<std::string> const& models, Settings const& known) {
    ModelNames const names(known);
    WrittenFaults faults;
    for (std::size_t i = 0; i < models.size(); ++i) {
        if (names.has(models[i])) continue;
        faults.push_back(
            {.path = "models[" + std::to_string(i) + "]",
             .message = "`" + clipped(models[i]) + "` is no model's name" + suggestion(models[i], names.all())});
    }
    return faults;
}

}  // namespace sluice::config
