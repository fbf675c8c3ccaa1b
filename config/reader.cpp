#include "config/reader.hpp"

#include <algorithm>
#include <set>

#include "config/text.hpp"
#include "config/values.hpp"

namespace sluice::config {

void Reader::error(Position at, std::string message) {
    problems_.push_back({.severity = Severity::error, .at = std::move(at), .message = std::move(message)});
}

void Reader::warning(Position at, std::string message) {
    problems_.push_back({.severity = Severity::warning, .at = std::move(at), .message = std::move(message)});
}

bool Reader::has_below(std::string const& path) const {
    auto const next = places_.lower_bound(path + ".");
    return next != places_.end() && next->first.starts_with(path + ".");
}

bool Reader::has_errors() const { return config::has_errors(problems_); }

bool Reader::is_reported(Position const& at) const {
    return std::ranges::any_of(problems_, [&at](Problem const& problem) { return problem.at == at; });
}

std::string Reader::subject(std::string const& path) const {
    auto const found = subjects_.find(path);
    return found == subjects_.end() ? "`" + path + "`" : found->second;
}

std::string Reader::hint(std::string_view word, std::vector<std::string> const& candidates) const {
    constexpr std::size_t many = 200;
    return problems_.size() > many ? std::string() : suggestion(word, candidates);
}

Position Reader::place(std::string path) const {
    for (; !path.empty(); path.pop_back()) {
        if (auto const found = places_.find(path); found != places_.end()) return found->second;
    }
    auto const root = places_.find("");
    return root == places_.end() ? Position{} : root->second;
}

void Reader::read(Node const& root, Draft& draft) { read_section(root_section(), &draft, root); }

void Reader::read_section(Section const& section, void* object, Node const& root) {
    places_[""] = Position{root.at.file, std::max(1, root.at.line), std::max(1, root.at.column)};
    this->section(section, object, &root, Where{});
}

void Reader::section(Section const& section, void* object, Node const* node, Where const& where) {
    if (node != nullptr && node->shape != Node::Shape::map && node->shape != Node::Shape::null) {
        std::string const name = where.path.empty() ? "the file" : "`" + where.path + "`";
        error(node->at, name + " must be a map");
        return;
    }
    if (node != nullptr) check_keys(section, *node, where);
    for (Field const& each : section.fields) {
        if (each.presence == Presence::planned) continue;
        Node const* value = node == nullptr ? nullptr : node->find(each.key);
        if (value != nullptr) places_[where.child(each.key)] = value->at;
        if (value == nullptr && each.presence == Presence::required && node != nullptr) {
            report_missing(each, where);
            continue;
        }
        field(each, object, value, where);
    }
}

void Reader::report_missing(Field const& field, Where const& where) {
    std::string message = "`" + std::string(field.key) + "` is missing";
    if (!where.path.empty()) message += " in `" + where.path + "`";
    if (!field.example.empty()) {
        message += ", for example `" + std::string(field.key) + ": " + std::string(field.example) + "`";
    }
    error(place(where.path), std::move(message));
}

/// Unless the key that decides is missing or wrong, too: then that is what has to be said.
void Reader::report_useless(Field const& field, Node const& node, Where const& where) {
    std::string const decisive = where.child(field.only_with.substr(0, field.only_with.find(':')));
    if (!has(decisive) || is_reported(place(decisive))) return;
    error(node.at, "`" + std::string(field.key) + "` means something only with `" + std::string(field.only_with) + "`");
}

void Reader::check_keys(Section const& section, Node const& node, Where const& where) {
    std::vector<std::string> known;
    for (Field const& each : section.fields) {
        if (each.presence != Presence::planned) known.emplace_back(each.key);
    }
    for (Entry const& entry : node.entries) {
        auto const found = std::ranges::find(section.fields, entry.key, &Field::key);
        if (found == section.fields.end()) {
            std::string const name = where.path.empty() ? "" : " in `" + where.path + "`";
            error(entry.at, "unknown key `" + clipped(entry.key) + "`" + name + hint(entry.key, known));
            problems_.back().about_key = true;
            places_.try_emplace(where.child(entry.key), entry.at);
        } else if (found->presence == Presence::planned) {
            error(entry.at,
                  "`" + where.child(entry.key) + "` is not supported by this version: nothing would enforce it");
            problems_.back().about_key = true;
        }
    }
}

void Reader::field(Field const& field, void* object, Node const* node, Where const& where) {
    if (field.applies != nullptr && !field.applies(object)) {
        if (node == nullptr) return;
        if (!field.only_with.empty()) return report_useless(field, *node, where);
    }
    if (field.kind == Kind::object) return this->object(field, object, node, where);
    if (node == nullptr) return absent(field, object, where);
    switch (field.kind) {
        case Kind::object_map:
            return object_map(field, object, *node, where);
        case Kind::object_list:
            return object_list(field, object, *node, where);
        case Kind::headers:
            return headers(field, object, *node, where);
        case Kind::text_map:
            return text_map(field, object, *node, where);
        case Kind::rules:
            return rules(field, object, *node, where);
        case Kind::store_url:
            return store_url(field, object, *node, where);
        case Kind::secret:
            return secret(field, object, *node, where);
        case Kind::targets:
        case Kind::objects:
            return targets(field, object, *node, where);
        case Kind::texts:
        case Kind::choices:
        case Kind::integers:
        case Kind::percents:
        case Kind::networks:
            return list(field, object, *node, where);
        default:
            return scalar(field, object, *node, where);
    }
}

void Reader::object(Field const& field, void* owner, Node const* node, Where const& where) {
    Where inner{.path = where.child(field.key), .depth = where.depth + 1, .inherits = std::string(field.inherits)};
    if (inner.inherits.empty() && !where.inherits.empty())
        inner.inherits = where.inherits + "." + std::string(field.key);
    std::size_t const before = lines_.size();
    lines_.push_back({.depth = where.depth, .path = inner.path, .key = std::string(field.key)});
    Section const& about = field.section();
    bool const is_short = node != nullptr && node->shape != Node::Shape::map && !about.short_form.empty();
    void* const child = field.bind.child(owner);
    if (node != nullptr && node->shape != Node::Shape::null && field.bind.present != nullptr) field.bind.present(child);
    if (is_short && node->shape != Node::Shape::null) {
        Node wrapped(Node::Shape::map, node->at);
        wrapped.entries.push_back(Entry{std::string(about.short_form), node->at, *node});
        section(about, child, &wrapped, inner);
    } else {
        section(about, child, node, inner);
    }
    if (lines_.size() == before + 1) lines_.pop_back();
}

void Reader::entry(Field const& field, void* entry, Node const& node, Where const& where) {
    Section const& about = field.section();
    if (about.short_form.empty() || node.shape == Node::Shape::map || node.shape == Node::Shape::null) {
        section(about, entry, &node, where);
        return;
    }
    Node wrapped(Node::Shape::map, node.at);
    wrapped.entries.push_back(Entry{std::string(about.short_form), node.at, node});
    section(about, entry, &wrapped, where);
}

void Reader::object_map(Field const& field, void* owner, Node const& node, Where const& where) {
    std::string const path = where.child(field.key);
    if (node.shape == Node::Shape::null) return;
    if (node.shape != Node::Shape::map) return error(node.at, "`" + path + "` must be a map");
    lines_.push_back({.depth = where.depth, .path = path, .key = std::string(field.key)});
    for (Entry const& each : node.entries) {
        Where const inner{.path = path + "." + each.key, .depth = where.depth + 2};
        places_[inner.path] = each.at;
        lines_.push_back({.depth = where.depth + 1, .path = inner.path, .key = each.key});
        entry(field, field.bind.entry(owner, each.key), each.value, inner);
    }
}

void Reader::object_list(Field const& field, void* owner, Node const& node, Where const& where) {
    std::string const path = where.child(field.key);
    if (node.shape == Node::Shape::null) return;
    if (node.shape != Node::Shape::list) return error(node.at, "`" + path + "` must be a list");
    lines_.push_back({.depth = where.depth, .path = path, .key = std::string(field.key)});
    for (std::size_t i = 0; i < node.items.size(); ++i) {
        Where const inner{.path = path + "[" + std::to_string(i) + "]", .depth = where.depth + 2};
        places_[inner.path] = node.items[i].at;
        std::size_t const first = lines_.size();
        entry(field, field.bind.entry(owner, {}), node.items[i], inner);
        if (lines_.size() > first) lines_[first].starts_item = true;
    }
}

void Reader::absent(Field const& field, void const* object, Where const& where) {
    if (field.bind.current == nullptr) return;
    std::string const value = format_value(field, field.bind.current(object));
    if (value.empty()) return;
    std::string origin = value == field.standard ? "default" : "catalogue";
    if (!where.inherits.empty()) {
        std::string const inherited = where.inherits + "." + std::string(field.key);
        if (auto const found = origins_.find(inherited); found != origins_.end()) {
            origin = found->second == "default" ? "default" : inherited + ", " + found->second;
        }
    }
    show(field, object, where, std::move(origin));
    if (!lines_.empty()) lines_.back().written = false;
}

void Reader::show(Field const& field, void const* object, Where const& where, std::string origin,
                  std::string fingerprint) {
    std::string const path = where.child(field.key);
    origins_[path] = origin;
    if (path == "include") return;  // what is shown holds the included files' values already
    std::string value = format_value(field, field.bind.current(object));
    if (value.empty()) value = "\"\"";
    lines_.push_back({.depth = where.depth,
                      .path = path,
                      .key = std::string(field.key),
                      .value = std::move(value),
                      .origin = std::move(origin),
                      .fingerprint = std::move(fingerprint),
                      .written = true});
}

}  // namespace sluice::config
