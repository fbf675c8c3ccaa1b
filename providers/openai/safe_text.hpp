#pragma once

#include <string>
#include <string_view>

namespace sluice::openai {

/// An upstream's words without what they must not carry to a client or a log: keys, tokens, account and organisation
/// ids, credentials in URLs. One line of at most 512 bytes; empty when it is HTML.
std::string safe_text(std::string_view text);

/// `text` if it is a plain identifier of at most 64 characters that holds nothing secret, else empty.
std::string safe_identifier(std::string_view text);

}  // namespace sluice::openai
