#include "server/api/choice_headers.hpp"

#include <algorithm>

namespace sluice::api {
namespace {

bool is_named(std::string_view name, std::string_view lower) {
    auto const same = [](char c, char wanted) {
        return (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) == wanted;
    };
    return std::equal(name.begin(), name.end(), lower.begin(), lower.end(), same);
}

}  // namespace

void ChoiceHeaders::keep(std::string_view name, std::string_view value) {
    auto const first = name.front() | 0x20;  // every name begins with one of these
    if (first != 'x' && first != 's' && first != 'c') return;
    for (std::size_t i = 0; i < choice_header_names.size(); ++i) {
        if (!values_[i].empty() || !is_named(name, choice_header_names[i])) continue;
        values_[i] = value;
        any_ |= !value.empty();
    }
}

}  // namespace sluice::api
