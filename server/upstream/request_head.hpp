#pragma once

#include <string>
#include <string_view>

#include "core/pipeline/ports.hpp"
#include "server/upstream/origin.hpp"

namespace sluice::upstream {

/// The fields that every request to `origin` has, as lines.
std::string fixed_fields(Origin const& origin);

/// The head of the request for `call`, made from nothing: no field of the client's request gets into it unless it is
/// named here. Through an http proxy the target is absolute. `fixed` is fixed_fields() of the same origin.
std::string request_head(UpstreamCall const& call, Origin const& origin, std::string_view fixed, Origin const* proxy);

}  // namespace sluice::upstream
