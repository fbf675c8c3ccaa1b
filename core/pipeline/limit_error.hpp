#pragma once

#include "core/pipeline/headers.hpp"
#include "core/pipeline/limit_book.hpp"
#include "core/types/error.hpp"

namespace sluice {

/// What a client is told: whose limit it is, and when there is room again.
Error limit_error(LimitRefusal const& refusal);

/// "key", "team" ...
std::string_view to_text(PayerKind kind);

/// "12.5 USD per month", "600 requests per minute", "40 requests at a time".
std::string to_text(Limit const& limit);

/// x-ratelimit-limit-*, -remaining-* and -reset-* of requests and of tokens, as far as `accounts` have limits on them:
/// each time those of the tightest.
void add_limit_headers(Headers& headers, LimitBook& book, LimitAccounts const& accounts, WallTime now);

}  // namespace sluice
