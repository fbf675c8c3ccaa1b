#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/types/capability.hpp"

namespace sluice {

/// A range of the day, in minutes since midnight UTC; `to` before `from` spans midnight.
struct DayHours {
    unsigned from = 0;
    unsigned to = 0;
    friend bool operator==(DayHours const&, DayHours const&) = default;
};

/// "Requests like this go to another model": what is given must all hold; of a list one suffices.
struct MatchRule {
    std::vector<std::string> callers{};  ///< key names, wildcards allowed
    std::vector<std::string> teams{};
    std::map<std::string, std::string> tags{};         ///< of the key; a value may hold a wildcard
    std::map<std::string, std::string> headers{};      ///< lower-case name to value, a wildcard allowed
    std::optional<std::int64_t> input_tokens_above{};  ///< estimated
    std::optional<std::int64_t> input_tokens_up_to{};
    std::optional<unsigned> complexity_above{};
    Capabilities needs{};  ///< the request needs one of these
    std::optional<bool> stream{};
    std::optional<DayHours> hours{};
    std::vector<unsigned> weekdays{};   ///< 1 (Monday) to 7, UTC
    std::optional<unsigned> percent{};  ///< of the requests that the rest of the rule fits, by lot;
                                        ///< a session always draws the same
    std::size_t use = 0;                ///< position of the model among Settings::models
    friend bool operator==(MatchRule const&, MatchRule const&) = default;
};

}  // namespace sluice
