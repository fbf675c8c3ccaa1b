#pragma once
#include <string>
#include <string_view>

namespace sluice::lab {

/// Appends `text` as a JSON string, quotes included. Bytes above 0x7f pass as they are.
void append_quoted(std::string& out, std::string_view text);
std::string json_quoted(std::string_view text);

}  // namespace sluice::lab
