#pragma once

#include <string>

#include "core/pipeline/ports.hpp"
#include "server/upstream/origin.hpp"

namespace sluice::upstream {

/// The head of the request for `call`, made from nothing: no field of the client's request gets into it unless it is
/// named here. Through an http proxy the target is absolute.
std::string request_head(UpstreamCall const& call, Origin const& origin, Origin const* proxy);

}  // namespace sluice::upstream
