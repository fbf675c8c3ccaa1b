#pragma once

#include <string_view>

namespace sluice {

/// What is wrong with `token` as a JSON number (RFC 8259, and finite as a double), or an empty view.
std::string_view number_problem(std::string_view token);

}  // namespace sluice
