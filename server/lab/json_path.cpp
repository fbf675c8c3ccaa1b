#include "server/lab/json_path.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

namespace sluice::lab {
namespace {

using nlohmann::json;

/// Calls `visit(owner, value)` for whatever `path` leads to from `at`. For constant and changing documents alike.
template <class Json, class Visit>
class Walk {
public:
    explicit Walk(Visit visit) : visit_(visit) {}

    void from(Json& at, Json& owner, std::string_view path) {
        if (path.empty()) return visit_(owner, at, name_);
        auto dot = path.find('.');
        auto step = path.substr(0, dot);
        auto rest = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
        if (step == "**") return anywhere(at, owner, path, rest);
        auto bracket = std::min(step.find('['), step.size());
        auto name = step.substr(0, bracket);
        if (name.empty()) return entries(at, owner, step.substr(bracket), rest);
        if (!at.is_object()) return;
        auto found = at.find(std::string(name));
        if (found == at.end()) return;
        name_ = name;
        entries(*found, at, step.substr(bracket), rest);
    }

private:
    Visit visit_;
    std::string_view name_;

    void anywhere(Json& at, Json& owner, std::string_view path, std::string_view rest) {
        from(at, owner, rest);
        if (!at.is_structured()) return;
        for (auto& child : at) from(child, at, path);
    }

    void entries(Json& at, Json& owner, std::string_view brackets, std::string_view rest) {
        if (brackets.empty()) return from(at, owner, rest);
        auto end = brackets.find(']');
        if (!at.is_array() || end == std::string_view::npos) return;
        auto inside = brackets.substr(1, end - 1), more = brackets.substr(end + 1);
        if (inside.empty()) {
            for (auto& entry : at) entries(entry, entry, more, rest);
            return;
        }
        long index = 0;
        std::from_chars(inside.data(), inside.data() + inside.size(), index);
        if (index < 0) index += static_cast<long>(at.size());
        if (index < 0 || index >= static_cast<long>(at.size())) return;
        auto& entry = at[static_cast<std::size_t>(index)];
        entries(entry, entry, more, rest);
    }
};

template <class Json, class Visit>
void walk(Json& root, std::string_view path, Visit visit) {
    Walk<Json, Visit>(visit).from(root, root, path);
}

}  // namespace

std::vector<Place> find_places(json const& root, std::string_view path) {
    std::vector<Place> out;
    walk(root, path,
         [&out](json const& owner, json const& value, std::string_view) { out.push_back({&value, &owner}); });
    return out;
}

void erase_path(nlohmann::ordered_json& root, std::string_view path) {
    using Found = std::pair<nlohmann::ordered_json*, std::string>;
    std::vector<Found> found;
    auto note = [&found](nlohmann::ordered_json& owner, nlohmann::ordered_json&, std::string_view name) {
        found.emplace_back(&owner, name);
    };
    walk(root, path, note);
    for (auto& [owner, name] : found)
        if (owner->is_object()) owner->erase(name);
}

}  // namespace sluice::lab
