#pragma once

#include <string>

/// What is generated from the table of keys.
namespace sluice::config {

/// A JSON Schema, draft 2020-12, for editors. Ends with a newline.
std::string json_schema();

/// docs/reference/configuration.md. A test compares the committed page with it.
std::string reference_page();

}  // namespace sluice::config
