#pragma once

#include "config/draft.hpp"
#include "config/reader.hpp"
#include "core/types/settings.hpp"

namespace sluice::config {

/// Follows what the values of a draft refer to: providers, models, keys, prices. Reports through `reader`, which knows
/// where everything stands. The result is complete only if nothing was reported as an error.
Settings resolve(Draft draft, Reader& reader, Files const& files);

/// Its parts, in their order.
void resolve_providers(Draft& draft, Settings& settings, Reader& reader, Files const& files);
void resolve_models(Draft const& draft, Settings& settings, Reader& reader);
/// Teams, then keys.
void resolve_keys(Draft& draft, Settings& settings, Reader& reader);
/// Everybody's, and once more those of each key and team.
void resolve_limits(Draft const& draft, Settings& settings, Reader& reader);
void resolve_storage(Draft const& draft, Settings& settings, Reader& reader, Files const& files);
/// Who may call, and from where.
void resolve_auth(Draft const& draft, Settings& settings, Reader& reader);

/// `path`: where the name stands.
void check_key_name(std::string const& name, std::string const& path, Reader& reader);
void check_team_name(std::string const& name, std::string const& path, Reader& reader);

/// What is written as `rate` and `budget`; `windows` and `budget` are the paths of those lists.
std::vector<Limit> limits_of(LimitsDraft const& draft, std::string const& windows, std::string const& budget,
                             Reader& reader);

/// One model's part of those. `model`: where it stands among the draft's models.
void resolve_match(Draft const& draft, std::size_t model, ModelSettings& settings, Reader& reader);

void check_readable(std::string const& path, std::string const& where, Reader& reader, Files const& files);

}  // namespace sluice::config
