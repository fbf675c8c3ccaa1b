#pragma once

#include "core/types/settings.hpp"
#include "server/http/server_request.hpp"

namespace sluice::api {

/// Adds the CORS fields to the answer when the request comes from an allowed origin. True: it is a preflight, and may
/// be answered with 204 at once. Requested header names are reflected: the SDKs send ones that no fixed list keeps up
/// with.
bool apply_cors(http::ServerRequest& request, ServerSettings const& settings);

}  // namespace sluice::api
