#include "server/lab/provider_files.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "server/lab/yaml_json.hpp"

namespace sluice::lab {
namespace {

using nlohmann::json;
using Documents = std::map<std::string, json, std::less<>>;

void merge(json& base, json const& over, int depth) {
    for (auto const& [key, value] : over.items()) {
        if (value.is_null() && depth < 2 && base.contains(key))
            base.erase(key);
        else if (value.is_object() && base.contains(key) && base[key].is_object())
            merge(base[key], value, depth + 1);
        else
            base[key] = value;
    }
}

std::expected<json, std::string> resolved(std::string const& name, Documents const& documents, int depth) {
    json const& own = documents.at(name);
    if (!own.is_object()) return std::unexpected("the top level must be a mapping");
    auto like = own.find("like");
    if (like == own.end()) return own;
    auto other = like->is_string() ? like->get<std::string>() : "";
    if (!documents.contains(other)) return std::unexpected("like: there is no provider `" + other + "` beside it");
    if (depth > 8) return std::unexpected("like: goes round in a circle");
    auto base = resolved(other, documents, depth + 1);
    if (!base) return base;
    merge(*base, own, 0);
    return base;
}

std::expected<Documents, std::string> read_all(std::string const& folder) {
    std::error_code failure;
    std::filesystem::directory_iterator entries(folder, failure);
    if (failure) return std::unexpected(folder + ": " + failure.message());
    Documents out;
    for (auto const& entry : entries) {
        auto file = entry.path() / "lab.yaml";
        if (!std::filesystem::exists(file, failure)) continue;
        auto document = read_yaml_file(file.string());
        if (!document) return std::unexpected(std::move(document.error()));
        out[entry.path().filename().string()] = *std::move(document);
    }
    return out;
}

}  // namespace

std::expected<Providers, std::string> read_providers(std::string const& folder) {
    auto documents = read_all(folder);
    if (!documents) return std::unexpected(std::move(documents.error()));
    Providers out;
    for (auto const& [name, document] : *documents) {
        auto place = (std::filesystem::path(folder) / name / "lab.yaml").string();
        auto whole = resolved(name, *documents, 0);
        if (!whole) return std::unexpected(place.append(": ").append(whole.error()));
        auto profile = ProviderProfile::read(*std::move(whole));
        if (!profile) return std::unexpected(place.append(": ").append(profile.error()));
        out.emplace(name, *std::move(profile));
    }
    return out;
}

}  // namespace sluice::lab
