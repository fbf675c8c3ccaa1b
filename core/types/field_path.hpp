#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice {

/// One step of a rule's path.
struct Step {
    enum class Kind : std::uint8_t {
        member,     ///< the member `name`
        elements,   ///< each element of a list
        any_depth,  ///< the value itself and everything inside of it
    };
    Kind kind = Kind::member;
    std::string_view name{};
    friend bool operator==(Step const&, Step const&) = default;
};

/// "messages[].content[].text", "tools[].function.parameters.**.$schema": the steps, views into `path`. Empty when it
/// is no path: it must begin and end with a member's name.
std::vector<Step> steps_of(std::string_view path);

}  // namespace sluice
