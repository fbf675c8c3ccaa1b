#pragma once

#include "server/admin/routes.hpp"

/// What the routes do. Each gives the JSON that docs/reference/admin-api.md describes.
namespace sluice::admin {

Answer list_keys(Call const& call);
Answer create_key(Call const& call);
Answer show_key(Call const& call);
Answer change_key(Call const& call);
Answer remove_key(Call const& call);
Answer rotate_key(Call const& call);

Answer list_teams(Call const& call);
Answer create_team(Call const& call);
Answer show_team(Call const& call);
Answer change_team(Call const& call);
Answer remove_team(Call const& call);

Answer list_limits(Call const& call);
Answer show_usage(Call const& call);
Answer verify_ledger(Call const& call);
Answer list_requests(Call const& call);
Answer cut_request(Call const& call);
Answer list_targets(Call const& call);

Answer explain_choice(Call const& call);
Answer reload(Call const& call);
Answer show_openapi(Call const& call);

}  // namespace sluice::admin
