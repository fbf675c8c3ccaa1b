#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/types/limits.hpp"
#include "core/types/routing.hpp"

namespace sluice {

/// Who a request comes from, and what they may do. Without keys there is one nameless caller who may do everything.
struct Caller {
    std::string id{};                           ///< of the key, public; of a key in a file: its name
    std::string name{};                         ///< of the key; empty without keys
    std::string team{};                         ///< empty: none
    std::map<std::string, std::string> tags{};  ///< for rules and reports
    std::vector<std::string> models{};          ///< that it may use, wildcards allowed; empty: all
    TargetFilter require{};                     ///< whatever its requests say
    std::vector<std::string> endpoints{};       ///< routes that it may use ("/v1/models"); empty: all
    std::vector<std::string> networks{};        ///< CIDR, from which it may be used; empty: any
    LimitAccounts accounts{};                   ///< that its requests are counted in: its own, its team's, its tags'
    bool may_steer = true;                      ///< `provider`, `models`, suffixes and x-sluice-* that choose targets
    bool may_bring_keys = false;                ///< X-Provider-Auth
};

}  // namespace sluice
