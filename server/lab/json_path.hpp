#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

namespace sluice::lab {

/// Where a path leads in a document.
struct Place {
    nlohmann::json const* value;
    nlohmann::json const* owner;  ///< the object it is a member of; of a list's entry, the entry itself
};

/// Every place that `path` leads to: `a.b`, `list[].b`, `list[0]`, `list[-1]`, `a.**.b` (`**`: at any depth). The
/// places point into `root`.
std::vector<Place> find_places(nlohmann::json const& root, std::string_view path);

/// Takes out every member that `path` leads to.
void erase_path(nlohmann::ordered_json& root, std::string_view path);

}  // namespace sluice::lab
