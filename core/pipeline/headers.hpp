#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice {

struct HeaderField {
    std::string name;  ///< lower case
    std::string value;
    friend bool operator==(HeaderField const&, HeaderField const&) = default;
};
using Headers = std::vector<HeaderField>;

/// The value of the field `lower_name`, or an empty view.
std::string_view find(Headers const& headers, std::string_view lower_name);

}  // namespace sluice
