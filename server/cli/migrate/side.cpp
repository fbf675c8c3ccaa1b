#include "server/cli/migrate/side.hpp"

#include <algorithm>

#include "config/text.hpp"

namespace sluice::cli {
namespace {

std::string quoted(std::string_view text) { return "`" + config::clipped(text) + "`"; }

std::expected<config::Profile const*, std::string> profile_of(std::string_view name) {
    if (auto const* const profile = config::find_profile(name)) return profile;
    std::vector<std::string> names;
    for (config::Profile const& profile : config::profiles()) names.push_back(profile.name);
    return std::unexpected("there is no provider " + quoted(name) + config::suggestion(name, names));
}

/// What the same model is called at `provider`; empty: nobody says.
std::string same_model(Side const& from, std::string const& provider) {
    if (from.known.canonical == nullptr) return {};
    auto const found = from.known.canonical->at.find(provider);
    return found == from.known.canonical->at.end() ? std::string() : found->second;
}

Side side_of(config::Profile const& profile, std::string_view model) {
    Side side{.profile = &profile, .model = std::string(model)};
    side.known = config::known_model(profile.name, model);
    auto const ids = config::known_ids(profile.name);
    if (side.known.is_listed() || ids.empty()) return side;
    auto const near = config::nearest(model, ids);
    side.hints.push_back(
        "the catalogue has no model " + quoted(model) + " at " + profile.name +
        (near.empty() ? "; see `sluice models --provider " + profile.name + "`" : "; did you mean `" + near + "`?"));
    return side;
}

}  // namespace

std::expected<Side, std::string> read_from(std::string_view text) {
    auto const slash = text.find('/');
    auto const profile = profile_of(text.substr(0, slash));
    if (!profile) return std::unexpected(profile.error());
    if (slash == std::string_view::npos || slash + 1 == text.size()) {
        return std::unexpected(quoted(text) + " names no model: write " + (*profile)->name + "/MODEL" +
                               config::suggestion("", config::known_ids((*profile)->name)));
    }
    return side_of(**profile, text.substr(slash + 1));
}

std::expected<Side, std::string> read_to(std::string_view text, Side const& from) {
    auto const slash = text.find('/');
    auto const profile = profile_of(text.substr(0, slash));
    if (!profile) return std::unexpected(profile.error());
    auto const same = same_model(from, (*profile)->name);
    bool const names_model = slash != std::string_view::npos && slash + 1 < text.size();
    if (!names_model && same.empty()) {
        return std::unexpected("the catalogue does not know what `" + from.model + "` is called at " +
                               (*profile)->name + ": write " + (*profile)->name + "/MODEL" +
                               config::suggestion("", config::known_ids((*profile)->name)));
    }
    auto side = side_of(**profile, names_model ? text.substr(slash + 1) : std::string_view(same));
    if (!names_model) side.hints.push_back("the catalogue's id for " + from.known.canonical->title + " there");
    bool const is_another =
        names_model && !same.empty() && same != side.model && side.known.canonical != from.known.canonical;
    if (is_another) side.hints.push_back(from.known.canonical->title + " is `" + same + "` there");
    return side;
}

}  // namespace sluice::cli
