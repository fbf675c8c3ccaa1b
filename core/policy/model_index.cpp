#include "core/policy/model_index.hpp"

#include <algorithm>

namespace sluice {

std::optional<std::string_view> match_wildcard(std::string_view pattern, std::string_view name) {
    auto const star = pattern.find('*');
    if (star == std::string_view::npos) {
        if (pattern != name) return std::nullopt;
        return name.substr(0, 0);
    }
    auto const prefix = pattern.substr(0, star);
    auto const suffix = pattern.substr(star + 1);
    if (name.size() < prefix.size() + suffix.size()) return std::nullopt;
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
    return name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
}

std::string fill_star(std::string_view text, std::string_view matched) {
    auto const star = text.find('*');
    if (star == std::string_view::npos) return std::string(text);
    std::string filled;
    filled.reserve(text.size() + matched.size());
    filled += text.substr(0, star);
    filled += matched;
    filled += text.substr(star + 1);
    return filled;
}

ModelIndex::ModelIndex(std::vector<std::string> names) : names_(std::move(names)) {
    for (std::size_t i = 0; i < names_.size(); ++i) {
        if (names_[i].contains('*')) {
            patterns_.push_back(i);
        } else {
            exact_.emplace(names_[i], i);
        }
    }
    auto better = [this](std::size_t a, std::size_t b) {
        auto const prefix_a = names_[a].find('*');
        auto const prefix_b = names_[b].find('*');
        if (prefix_a != prefix_b) return prefix_a > prefix_b;
        return names_[a].size() != names_[b].size() ? names_[a].size() > names_[b].size() : a < b;
    };
    std::sort(patterns_.begin(), patterns_.end(), better);
}

std::optional<ModelIndex::Found> ModelIndex::find(std::string_view name) const {
    if (auto const found = exact_.find(name); found != exact_.end()) return Found{found->second, {}};
    for (auto const position : patterns_) {
        if (auto const star = match_wildcard(names_[position], name)) return Found{position, *star};
    }
    return std::nullopt;
}

}  // namespace sluice
