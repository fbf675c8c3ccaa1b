#include "core/types/field_path.hpp"

namespace sluice {

std::vector<Step> steps_of(std::string_view path) {
    std::vector<Step> steps;
    while (true) {
        auto const dot = path.find('.');
        auto name = path.substr(0, dot);
        std::size_t lists = 0;
        for (; name.ends_with("[]"); ++lists) name.remove_suffix(2);
        if (name.empty() || name.find_first_of("[]") != std::string_view::npos) return {};
        if (name == "**") {
            steps.push_back({.kind = Step::Kind::any_depth});
        } else {
            steps.push_back({.kind = Step::Kind::member, .name = name});
        }
        for (; lists > 0; --lists) steps.push_back({.kind = Step::Kind::elements});
        if (dot == std::string_view::npos) break;
        path.remove_prefix(dot + 1);
    }
    bool const has_ends = steps.front().kind == Step::Kind::member && steps.back().kind == Step::Kind::member;
    return has_ends ? steps : std::vector<Step>{};
}

}  // namespace sluice
