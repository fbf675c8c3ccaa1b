#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/environment.hpp"
#include "config/problem.hpp"
#include "config/yaml_tree.hpp"

namespace sluice::config {

/// The files of a configuration, read and merged into one tree. Maps merge by key; a key that two files have is an
/// error with both places; the lists under `keys` are joined.
class Sources {
public:
    Sources(Environment const& environment, Files const& files, std::vector<Problem>& problems)
        : environment_(environment), files_(files), problems_(problems) {}

    /// Nothing if one of the files can't be made out at all.
    std::optional<Node> read(std::string const& path, std::optional<std::string> const& text);

    std::vector<std::string> const& paths() const { return paths_; }
    /// The line that a problem is about, or "".
    std::string_view line_of(Position const& at) const;

private:
    std::optional<Node> read_file(std::string const& path, std::string text);
    void include(Node const& list, Node& into);
    void include_pattern(Node const& pattern, Node& into);
    void include_file(std::string const& path, Position const& at, Node& into);
    std::vector<std::string> matching(std::string const& pattern) const;
    void merge(Node& into, Node from, std::string const& path);
    void error(Position at, std::string message);

    Environment const& environment_;
    Files const& files_;
    std::vector<Problem>& problems_;
    std::vector<std::string> paths_;
    std::vector<std::string> open_;  ///< files that include each other, outermost first
    std::map<std::string, std::string> texts_;
    bool failed_ = false;
};

}  // namespace sluice::config
