#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/effective.hpp"
#include "config/environment.hpp"
#include "config/problem.hpp"
#include "config/schema.hpp"
#include "config/yaml_tree.hpp"

namespace sluice::config {

/// Walks a tree along the schema and fills a Draft. One use, one thread.
class Reader {
public:
    Reader(Environment const& environment, Files const& files, std::vector<Problem>& problems)
        : environment_(environment), files_(files), problems_(problems) {}

    void read(Node const& root, Draft& draft);
    /// Of a tree that is less than a configuration: `object` is the struct that `section` is about.
    void read_section(Section const& section, void* object, Node const& root);

    /// Where the value at `path` stands, or the nearest thing around it that stands anywhere. Paths are as in
    /// "models.smart.targets[0]".
    Position place(std::string path) const;
    /// Whether the file says anything at `path`.
    bool has(std::string const& path) const { return places_.contains(path); }

    /// Whether it says anything inside.
    bool has_below(std::string const& path) const;

    bool has_errors() const;
    /// Whether something was said about exactly this place.
    bool is_reported(Position const& at) const;

    /// How a message names the text at `path`: "`text`", or by its variable, whose value is not for messages.
    std::string subject(std::string const& path) const;
    /// Whether the text at `path` holds no variable.
    bool is_literal(std::string const& path) const { return subject(path).starts_with('`'); }

    Environment const& environment() const { return environment_; }

    void error(Position at, std::string message);
    void warning(Position at, std::string message);

    /// suggestion(), but nothing once there are so many problems that nobody reads them: the search is not cheap.
    std::string hint(std::string_view word, std::vector<std::string> const& candidates) const;

    std::vector<EffectiveLine> const& lines() const { return lines_; }
    std::vector<std::string> const& secret_files() const { return secret_files_; }
    void watch(std::string path) { secret_files_.push_back(std::move(path)); }
    /// Secrets as they stand in the files, to be masked wherever a line is quoted.
    std::vector<std::string> const& literals() const { return literals_; }

private:
    struct Where {
        std::string path{};
        std::size_t depth = 0;
        std::string inherits{};
        std::string child(std::string_view key) const {
            return path.empty() ? std::string(key) : path + "." + std::string(key);
        }
    };
    struct Scalar {
        std::string text;
        std::string origin;
        std::string subject;  ///< how a message names it: never the value of a variable
    };

    void section(Section const& section, void* object, Node const* node, Where const& where);
    void check_keys(Section const& section, Node const& node, Where const& where);
    void report_missing(Field const& field, Where const& where);
    void report_useless(Field const& field, Node const& node, Where const& where);
    void field(Field const& field, void* object, Node const* node, Where const& where);
    void object(Field const& field, void* owner, Node const* node, Where const& where);
    void object_map(Field const& field, void* owner, Node const& node, Where const& where);
    void object_list(Field const& field, void* owner, Node const& node, Where const& where);
    void entry(Field const& field, void* entry, Node const& node, Where const& where);
    void scalar(Field const& field, void* object, Node const& node, Where const& where);
    void list(Field const& field, void* object, Node const& node, Where const& where);
    void targets(Field const& field, void* owner, Node const& node, Where const& where);
    void headers(Field const& field, void* object, Node const& node, Where const& where);
    void text_map(Field const& field, void* object, Node const& node, Where const& where);
    void rules(Field const& field, void* object, Node const& node, Where const& where);
    void secret(Field const& field, void* object, Node const& node, Where const& where);
    void store_url(Field const& field, void* object, Node const& node, Where const& where);
    void absent(Field const& field, void const* object, Where const& where);

    std::optional<Scalar> scalar_of(Node const& node, std::string_view what);
    std::optional<Scalar> secret_of(Field const& field, Node const& node);
    std::optional<Scalar> secret_from(Entry const& entry);
    void show(Field const& field, void const* object, Where const& where, std::string origin,
              std::string fingerprint = {});

    Environment const& environment_;
    Files const& files_;
    std::vector<Problem>& problems_;
    std::map<std::string, Position> places_;
    std::map<std::string, std::string> origins_;
    std::map<std::string, std::string> subjects_;  ///< of texts that refer to something
    std::vector<EffectiveLine> lines_;
    std::vector<std::string> secret_files_;
    std::vector<std::string> literals_;
};

}  // namespace sluice::config
