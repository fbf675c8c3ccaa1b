#include "config/include.hpp"

#include <algorithm>

#include "config/interpolate.hpp"
#include "config/text.hpp"
#include "config/yaml_text.hpp"

namespace sluice::config {
namespace {

constexpr std::size_t most_files = 64;

std::string file_name(std::string_view path) {
    auto const slash = path.rfind('/');
    return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

/// Any number of stars; each stands for any characters but a slash.
bool fits_pattern(std::string_view pattern, std::string_view name) {
    std::size_t p = 0, n = 0;
    std::size_t star = std::string_view::npos, star_matched = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            star_matched = n;
        } else if (p < pattern.size() && pattern[p] == name[n]) {
            ++p;
            ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            n = ++star_matched;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

/// Maps below which the same key in two files may be merged further; elsewhere it is an error.
bool merges_deeper(std::string const& path) {
    return path == "server" || path == "defaults" || path == "telemetry" || path.starts_with("server.") ||
           path.starts_with("defaults.") || path.starts_with("telemetry.") || path == "providers" || path == "models" ||
           path == "prices" || path == "teams" || path == "storage" || path == "admin";
}

}  // namespace

void Sources::error(Position at, std::string message) {
    problems_.push_back({.severity = Severity::error, .at = std::move(at), .message = std::move(message)});
}

std::string_view Sources::line_of(Position const& at) const {
    auto const found = texts_.find(at.file);
    if (found == texts_.end() || at.line <= 0) return {};
    std::string_view rest = found->second;
    if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
    for (int line = 1; line < at.line; ++line) {
        auto const end = rest.find('\n');
        if (end == std::string_view::npos) return {};
        rest.remove_prefix(end + 1);
    }
    rest = rest.substr(0, rest.find('\n'));
    return rest.ends_with('\r') ? rest.substr(0, rest.size() - 1) : rest;
}

std::optional<Node> Sources::read(std::string const& path, std::optional<std::string> const& text) {
    if (text) return read_file(path, *text);
    auto content = files_.read ? files_.read(path) : std::unexpected(std::string("No such file or directory"));
    if (content) return read_file(path, *std::move(content));
    paths_.push_back(path);
    error({path, 0, 0}, "can't read the file: " + content.error());
    return std::nullopt;
}

std::optional<Node> Sources::read_file(std::string const& path, std::string text) {
    paths_.push_back(path);
    std::string const& kept = texts_[path] = std::move(text);
    auto root = parse_yaml(kept, path, problems_);
    if (!root) failed_ = true;
    if (!root || root->shape != Node::Shape::map) return root;
    open_.push_back(path);
    if (Node const* list = root->find("include")) include(Node(*list), *root);
    open_.pop_back();
    return failed_ ? std::nullopt : std::move(root);
}

void Sources::include(Node const& list, Node& into) {
    if (list.shape == Node::Shape::scalar) return include_pattern(list, into);
    if (list.shape != Node::Shape::list) return;  // the reader says what is wrong
    for (Node const& pattern : list.items) {
        if (pattern.shape == Node::Shape::scalar) include_pattern(pattern, into);
    }
}

void Sources::include_pattern(Node const& pattern, Node& into) {
    auto const expanded = interpolate(pattern.text, environment_);
    if (!expanded || expanded->text.empty()) return;  // the reader says what is wrong
    std::string const path = path_from(directory_of(pattern.at.file), expanded->text);
    if (directory_of(path).contains('*')) return error(pattern.at, "only the last part of a path may hold `*`");
    if (!path.contains('*')) return include_file(path, pattern.at, into);
    for (std::string const& match : matching(path)) include_file(match, pattern.at, into);
}

std::vector<std::string> Sources::matching(std::string const& pattern) const {
    std::vector<std::string> found;
    if (!files_.list) return found;
    std::string const directory = directory_of(pattern);
    std::string const last = file_name(pattern);
    for (std::string const& name : files_.list(directory)) {
        bool const is_hidden = name.starts_with('.') && !last.starts_with('.');
        if (!is_hidden && fits_pattern(last, name)) found.push_back(path_from(directory, name));
    }
    std::ranges::sort(found);
    return found;
}

void Sources::include_file(std::string const& path, Position const& at, Node& into) {
    if (std::ranges::find(open_, path) != open_.end()) return error(at, "`" + path + "` includes itself");
    if (std::ranges::find(paths_, path) != paths_.end()) return error(at, "`" + path + "` is included already");
    if (paths_.size() == most_files) return error(at, "more than 64 files");
    auto content = files_.read ? files_.read(path) : std::unexpected(std::string("No such file or directory"));
    if (!content) {
        paths_.push_back(path);
        return error(at, "can't read `" + path + "`: " + content.error());
    }
    auto root = read_file(path, *std::move(content));
    if (!root || root->shape == Node::Shape::null) return;
    if (root->shape != Node::Shape::map) return error(root->at, "the file must be a map");
    merge(into, *std::move(root), "");
}

void Sources::merge(Node& into, Node from, std::string const& path) {
    for (Entry& entry : from.entries) {
        std::string const inner = path.empty() ? entry.key : path + "." + entry.key;
        auto const same = std::ranges::find(into.entries, entry.key, &Entry::key);
        if (same == into.entries.end()) {
            if (inner != "include") into.entries.push_back(std::move(entry));
            continue;
        }
        if (inner == "version" || inner == "include") {
            bool const agrees = inner == "include" || same->value.text == entry.value.text;
            if (!agrees) error(entry.at, "`version` differs from the including file's at " + shown(same->at));
            continue;
        }
        Node::Shape const shape = entry.value.shape;
        if (shape == Node::Shape::null) continue;
        if (same->value.shape == Node::Shape::null) {
            same->value = std::move(entry.value);
        } else if (shape == Node::Shape::map && same->value.shape == shape && merges_deeper(inner)) {
            merge(same->value, std::move(entry.value), inner);
        } else if ((inner == "keys" || inner == "limits") && shape == Node::Shape::list && same->value.shape == shape) {
            std::ranges::move(entry.value.items, std::back_inserter(same->value.items));
        } else {
            error(entry.at, "`" + clipped(inner) + "` stands already at " + shown(same->at));
        }
    }
}

}  // namespace sluice::config
