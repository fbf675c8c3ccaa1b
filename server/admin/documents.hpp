#pragma once

#include <string>

/// What is generated from the table of routes.
namespace sluice::admin {

/// OpenAPI 3.1, one line.
std::string openapi();

/// docs/reference/admin-api.md. A test compares the committed page with it.
std::string reference_page();

}  // namespace sluice::admin
