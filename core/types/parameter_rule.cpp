#include "core/types/parameter_rule.hpp"

namespace sluice {
namespace {

/// Whether `text` is `pattern`, in which each '*' stands for any text.
bool fits(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t covered = 0;  // text that the last star takes in ends here
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            covered = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++covered;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace

bool matches_model(std::vector<std::string> const& patterns, std::string_view model) {
    if (patterns.empty()) return true;
    for (std::string_view pattern : patterns) {
        bool const excludes = pattern.starts_with('!');
        if (excludes) pattern.remove_prefix(1);
        if (fits(pattern, model)) return !excludes;
    }
    return false;
}

std::string_view to_string(Adjustment::Kind kind) {
    switch (kind) {
        case Adjustment::Kind::dropped:
            return "dropped";
        case Adjustment::Kind::renamed:
            return "renamed";
        case Adjustment::Kind::clamped:
            return "clamped";
        case Adjustment::Kind::added:
            return "added";
        case Adjustment::Kind::forced:
            return "forced";
        case Adjustment::Kind::converted:
            break;
    }
    return "converted";
}

std::string_view to_string(Severity severity) {
    switch (severity) {
        case Severity::exact:
            return "exact";
        case Severity::minor:
            return "minor";
        case Severity::lossy:
            break;
    }
    return "lossy";
}

}  // namespace sluice
