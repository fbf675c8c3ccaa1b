#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/schema.hpp"
#include "core/types/settings.hpp"

/// Keys and teams that are not written in a file: JSON by the words of `keys[]` and `teams.NAME`, as strict as the
/// file. A dollar sign is one: nothing here reaches the environment or a file.
namespace sluice::config {

/// What is wrong with a value: where it stands ("budget.per"; empty: the whole) and a sentence.
struct WrittenFault {
    std::string path{};
    std::string message{};
    friend bool operator==(WrittenFault const&, WrittenFault const&) = default;
};
using WrittenFaults = std::vector<WrittenFault>;

/// `keys[]` without `value` and `hash`. Caller::id and the hash stay empty, and nothing is looked up.
std::expected<KeySettings, WrittenFaults> read_written_key(std::string_view json);

/// `teams.NAME`, with its `name`.
std::expected<TeamSettings, WrittenFaults> read_written_team(std::string_view json);

/// What `models` names that `known` does not have.
WrittenFaults check_written_models(std::vector<std::string> const& models, Settings const& known);

/// What they are read by.
Section const& written_key_section();
Section const& written_team_section();

/// The JSON Schema of an object that is read so.
std::string written_schema(Section const& section);

}  // namespace sluice::config
