#pragma once

#include <string_view>
#include <vector>

#include "core/pipeline/request.hpp"
#include "core/types/result.hpp"

namespace sluice::api {

/// The value of x-provider-auth: `PROVIDER=KEY`, several with commas between them. No error repeats any of it but the
/// name of a provider. Errors: invalid_value.
Result<std::vector<OwnKey>> read_own_keys(std::string_view header);

}  // namespace sluice::api
