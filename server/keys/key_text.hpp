#pragma once

#include <string>
#include <string_view>

/// What a key of ours looks like: "sk-sluice-", 43 letters and digits drawn at random (256 bits), and 6 that are a sum
/// over all before them, so that a typo, and a scanner for leaked secrets, need not ask anybody.
namespace sluice::keys {

inline constexpr std::string_view key_start = "sk-sluice-";

/// Empty if the system has no randomness to give.
std::string make_key_text();

/// It begins as ours do, and its sum is right. Says nothing about whether the key is known.
bool is_key_text(std::string_view text);

/// What may be shown of a key, to recognise it: its start and six characters.
std::string shown_prefix(std::string_view text);

/// A new public id: "k_" and 12 letters and digits. Empty as above.
std::string make_key_id();

}  // namespace sluice::keys
