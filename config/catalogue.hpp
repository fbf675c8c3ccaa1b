#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/settings.hpp"

namespace sluice::config {

/// What is shipped about a provider: catalogue/providers/<name>.yaml.
struct Profile {
    std::string name;
    std::string dialect;
    std::string
        telemetry_name;    ///< OpenTelemetry's gen_ai.provider.name; empty: it has none, the dialect stands for it
    std::string base_url;  ///< empty: the configuration must give one
    AuthScheme auth = AuthScheme::bearer;
    std::vector<std::string> key_variables;  ///< environment variables that SDKs read the key from, the usual one first
    std::string base_url_variable;           ///< and the base URL
    bool needs_key = true;
};

/// What is shipped about an upstream model: a row of catalogue/prices.json.
struct CatalogueModel {
    std::string provider;  ///< a profile's name
    std::string model;
    std::optional<PriceSheet> prices;
    std::uint64_t context = 0;  ///< tokens; 0: unknown
    std::uint64_t max_output = 0;
    bool answers_chat = true;
};

/// All profiles in the order in which zero configuration prefers them. Immutable; any thread.
std::vector<Profile> const& profiles();
Profile const* find_profile(std::string_view name);
std::vector<CatalogueModel> const& catalogue_models();

/// Makes `provider` one of type `profile.name`: dialect, base URL and authentication.
void apply(Profile const& profile, ProviderSettings& provider);

/// A file that is built into the binary.
struct ShippedFile {
    std::string_view name;
    std::string_view text;
};
/// In the order of config/CMakeLists.txt. Defined in the generated catalogue_files.cpp.
std::vector<ShippedFile> const& shipped_files();

/// Problems of the shipped files themselves, for a test.
std::vector<std::string> catalogue_problems();

}  // namespace sluice::config
