#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

/// A configuration as an importer makes it, before it is text.
namespace sluice::config {

/// Something that could not be translated.
struct LeftOver {
    int line = 0;       ///< of the file that is imported
    std::string path;   ///< "model_list[0].litellm_params.rpm"
    std::string value;  ///< as it stands there, secrets masked; may be empty
    std::string why;
    friend bool operator==(LeftOver const&, LeftOver const&) = default;
};

struct ImportedProvider {
    std::string name;
    std::string type;
    std::string base_url{};  ///< as it is to be written, here and below; empty: the catalogue's
    std::string api_key{};
    std::map<std::string, std::string> variables{};
    std::map<std::string, std::string> headers{};
    std::vector<LeftOver> left{};

    bool is_same_as(ImportedProvider const& other) const {
        return type == other.type && base_url == other.base_url && api_key == other.api_key &&
               variables == other.variables && headers == other.headers;
    }
};

struct ImportedTarget {
    long order = 0;
    std::string text;      ///< PROVIDER/MODEL, or a model's name
    std::string weight{};  ///< as it is to be written, here and below; empty: 1
    std::string priority{};
};

struct ImportedModel {
    std::string name;
    int line = 0;  ///< of its first entry
    std::string description{};
    std::vector<ImportedTarget> targets{};
    std::string route{};
    std::vector<std::string> fallbacks{};
    std::vector<std::string> on_context_length{}, on_content_filter{};
    std::string unsupported{};
    std::string total{};  ///< durations
    std::string first_token{};
    std::string attempts{};
    std::vector<LeftOver> left{};
};

struct ImportedPrice {
    int line = 0;
    std::string input{}, output{}, cached_input{}, cache_write{};  ///< US dollars per million
};

struct Imported {
    std::string total{}, first_token{}, attempts{}, failures{}, open_for{}, open_max{};  ///< of `defaults`
    std::string log_level{}, log_format{};
    std::string unsupported{};  ///< of every model that has none of its own
    std::vector<ImportedProvider> providers{};
    std::vector<ImportedModel> models{};
    std::map<std::string, std::string> aliases{};
    std::vector<std::pair<std::string, std::string>> keys{};  ///< name and value
    std::map<std::string, ImportedPrice> prices{};
    /// By the section where it belongs: "", defaults, providers, models, keys, telemetry, storage.
    std::map<std::string, std::vector<LeftOver>> left{};
    std::size_t translated = 0;  ///< settings

    std::vector<LeftOver> all_left() const;
};

/// The configuration; what is left stands in comments. `from`: the name of the file, for those.
std::string to_yaml(Imported const& imported, std::string const& from);

}  // namespace sluice::config
