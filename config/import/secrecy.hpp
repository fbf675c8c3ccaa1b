#pragma once

#include <string>
#include <string_view>

#include "config/yaml_tree.hpp"

namespace sluice::config {

/// Whether what stands under this key is a secret: by its name.
bool is_secret_key(std::string_view key);

/// `node` on one line for a comment, at most 100 characters; what may be a secret, by its key or its look, is `***`.
std::string shown_safely(std::string_view key, Node const& node);

/// "os.environ/NAME": the variable; empty: it is none.
std::string variable_of(Node const& node);

/// With `$` doubled, so that it stands for itself.
std::string doubled(std::string_view text);

/// As Sluice writes it: `${NAME}` for os.environ/NAME, else the text with `$` doubled.
std::string written(Node const& node);

}  // namespace sluice::config
