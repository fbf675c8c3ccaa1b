#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/pipeline/limit_book.hpp"

namespace sluice::explain {

/// A limit as it stands, as the admin API shows it. `key_name`: of a key's limit the name that people gave the key.
nlohmann::ordered_json json_of(LimitStatus const& status, std::string const& key_name);

}  // namespace sluice::explain
