#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/limits.hpp"
#include "core/types/routing.hpp"

namespace sluice {

/// What Caller::endpoints may name: a route, with all that is below it.
inline constexpr std::array<std::string_view, 2> endpoint_names{"/v1/chat/completions", "/v1/models"};

/// Who a request comes from, and what they may do. Without keys there is one nameless caller who may do everything.
struct Caller {
    std::string id{};                           ///< of the key, public; of a key in a file: its name
    std::string name{};                         ///< of the key; empty without keys
    std::string team{};                         ///< empty: none
    std::map<std::string, std::string> tags{};  ///< for rules and reports
    std::vector<std::string> models{};          ///< that it may use, wildcards allowed; empty: all
    TargetFilter require{};                     ///< whatever its requests say
    std::vector<std::string> endpoints{};       ///< that it may use, of endpoint_names; empty: all
    std::vector<std::string> networks{};        ///< CIDR, from which it may be used; empty: any
    LimitAccounts accounts{};                   ///< that its requests are counted in: its own, its team's, its tags'
    bool may_steer = true;                      ///< `provider`, `models`, suffixes and x-sluice-* that choose targets
    bool may_bring_keys = false;                ///< X-Provider-Auth
};

}  // namespace sluice
