#pragma once
#include <expected>
#include <functional>
#include <map>
#include <string>

#include "server/lab/provider_profile.hpp"

namespace sluice::lab {

using Providers = std::map<std::string, ProviderProfile, std::less<>>;

/// Every `<folder>/<name>/lab.yaml`, under its name. A profile with `like: other` is that one's, with its own members
/// over it: mappings are merged, `~` takes a member away, anything else replaces. Errors name the file.
std::expected<Providers, std::string> read_providers(std::string const& folder);

}  // namespace sluice::lab
