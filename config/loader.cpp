#include "config/loader.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "config/catalogue.hpp"
#include "config/effective.hpp"
#include "config/include.hpp"
#include "config/reader.hpp"
#include "config/resolve.hpp"
#include "config/schema.hpp"
#include "config/text.hpp"
#include "config/yaml_text.hpp"

namespace sluice::config {
namespace {

/// The map under `key`, made if it isn't there; nothing if something else is.
Node* map_at(Node& parent, std::string const& key, Position const& at) {
    auto found = std::ranges::find(parent.entries, key, &Entry::key);
    if (found == parent.entries.end()) {
        parent.entries.push_back(Entry{key, at, Node(Node::Shape::map, at)});
        return &parent.entries.back().value;
    }
    if (found->value.shape == Node::Shape::null) found->value = Node(Node::Shape::map, found->value.at);
    return found->value.shape == Node::Shape::map ? &found->value : nullptr;
}

/// Writes "server.listen" into the tree, above what the file says.
void apply(Override const& above, Node& root) {
    Position const at{above.origin, 0, 0};
    Node* parent = &root;
    std::string_view rest = above.key;
    for (auto dot = rest.find('.'); dot != std::string_view::npos && parent != nullptr; dot = rest.find('.')) {
        parent = map_at(*parent, std::string(rest.substr(0, dot)), at);
        rest.remove_prefix(dot + 1);
    }
    if (parent == nullptr) return;
    std::erase_if(parent->entries, [rest](Entry const& entry) { return entry.key == rest; });
    parent->entries.push_back(Entry{std::string(rest), at, Node(Node::Shape::scalar, at, above.value)});
}

/// Gives a provider the key that its SDK would use, where the file leaves it open. Only for the catalogue's own
/// address: a key must not go to a place that it was not made for.
void complete_provider(Entry& entry, Environment const& environment) {
    Node& node = entry.value;
    if (node.shape != Node::Shape::map && node.shape != Node::Shape::null) return;
    for (char const* key : {"api_key", "api_keys", "base_url", "auth"}) {
        if (node.find(key) != nullptr) return;
    }
    Node const* type = node.find("type");
    Profile const* profile = find_profile(type == nullptr ? entry.key : type->text);
    if (profile == nullptr || !environment) return;
    for (std::string const& variable : profile->key_variables) {
        if (environment(variable).value_or("").empty()) continue;
        node.shape = Node::Shape::map;
        Node reference(Node::Shape::map, entry.at);
        reference.entries.push_back(Entry{"env", entry.at, Node(Node::Shape::scalar, entry.at, variable)});
        node.entries.push_back(Entry{"api_key", entry.at, std::move(reference)});
        return;
    }
}

void complete(Node& root, LoadOptions const& options) {
    for (Override const& above : options.overrides) apply(above, root);
    for (Entry& section : root.entries) {
        if (section.key != "providers" || section.value.shape != Node::Shape::map) continue;
        for (Entry& provider : section.value.entries) complete_provider(provider, options.environment);
    }
}

/// For each line with a key that nobody knows, the column of the first: what follows may be a secret, and is not
/// quoted.
std::map<std::pair<std::string, int>, int> unknown_keys(std::vector<Problem> const& problems) {
    std::map<std::pair<std::string, int>, int> columns;
    for (Problem const& problem : problems) {
        if (!problem.about_key) continue;
        auto const [found, is_new] = columns.try_emplace({problem.at.file, problem.at.line}, problem.at.column);
        if (!is_new) found->second = std::min(found->second, problem.at.column);
    }
    return columns;
}

std::string excerpt_of(std::string_view line, int cut_after, std::vector<std::string> const& keys,
                       std::vector<std::string> const& literals) {
    std::string text(line);
    if (cut_after > 0) {
        // The column counts characters, so it is never past the key's bytes.
        auto const from = std::min(text.size(), static_cast<std::size_t>(cut_after - 1));
        if (auto const colon = text.find(':', from); colon != std::string::npos) text.resize(colon + 1);
    }
    constexpr std::size_t shortest = 4;  // a shorter text would be found, and masked, everywhere
    for (std::string const& literal : literals) {
        if (literal.size() < shortest || literal == "none" || literal.starts_with("${")) continue;
        for (auto at = text.find(literal); at != std::string::npos; at = text.find(literal, at + 3))
            text.replace(at, literal.size(), "***");
    }
    return safe_excerpt(text, keys);
}

/// Sorts by place, drops repetitions, adds the lines and cuts what nobody reads.
void finish(std::vector<Problem>& problems, Sources const& sources, std::vector<std::string> const& literals) {
    constexpr std::size_t shown_at_most = 200;
    std::ranges::sort(problems, [](Problem const& a, Problem const& b) {
        return std::tie(a.at, a.message) < std::tie(b.at, b.message);
    });
    auto const repeated = std::ranges::unique(
        problems, [](Problem const& a, Problem const& b) { return a.at == b.at && a.message == b.message; });
    problems.erase(repeated.begin(), repeated.end());
    if (problems.size() > shown_at_most) {
        std::size_t const more = problems.size() - shown_at_most;
        bool const hides_error =
            std::ranges::any_of(problems.begin() + shown_at_most, problems.end(),
                                [](Problem const& problem) { return problem.severity == Severity::error; });
        Position const at = problems[shown_at_most].at;
        problems.resize(shown_at_most);
        problems.push_back({.severity = hides_error ? Severity::error : Severity::warning,
                            .at = at,
                            .message = "and " + std::to_string(more) + " more problems from here on"});
    }
    auto const keys = secret_keys();
    auto const cuts = unknown_keys(problems);
    for (Problem& problem : problems) {
        auto const cut = cuts.find({problem.at.file, problem.at.line});
        problem.excerpt = excerpt_of(sources.line_of(problem.at), cut == cuts.end() ? 0 : cut->second, keys, literals);
    }
}

void watch(std::vector<std::string>& watched, std::vector<std::string> const& more) {
    for (std::string const& path : more) {
        if (std::ranges::find(watched, path) == watched.end()) watched.push_back(path);
    }
}

}  // namespace

LoadResult load(LoadOptions const& options) {
    LoadResult result;
    Sources sources(options.environment, options.files, result.problems);
    auto root = sources.read(options.path, options.text);
    watch(result.watched_files, sources.paths());
    if (!root) {
        finish(result.problems, sources, {});
        return result;
    }
    if (root->shape == Node::Shape::null) *root = Node(Node::Shape::map, Position{options.path, 1, 1});
    if (root->shape != Node::Shape::map) {
        result.problems.push_back({.severity = Severity::error, .at = root->at, .message = "the file must be a map"});
        finish(result.problems, sources, {});
        return result;
    }
    complete(*root, options);

    Reader reader(options.environment, options.files, result.problems);
    Draft draft;
    reader.read(*root, draft);
    Settings settings = resolve(std::move(draft), reader, options.files);
    watch(result.watched_files, reader.secret_files());
    finish(result.problems, sources, reader.literals());
    if (has_errors(result.problems)) return result;
    settings.hash = hash_of(reader.lines());
    result.settings = std::move(settings);
    result.effective_yaml = to_yaml(reader.lines());
    result.written_yaml = to_yaml(written_only(reader.lines()));
    return result;
}

}  // namespace sluice::config
