#pragma once

#include <cstdint>
#include <string>

#include "core/types/money.hpp"

/// Money and counts as people read them.
namespace sluice::cli {

/// "0.15", "30": all digits that are there.
std::string dollars(NanoUsd amount);

/// Of a sum: "1234.57", four digits behind the point below a dollar, "0.000000001" where those would all be zero.
std::string rounded_dollars(NanoUsd amount);

/// "0.15 / 0.6, cached 0.075; above 272000: 10 / 45"
std::string price_text(PriceSheet const& prices);

/// `to` as a multiple of `from`, in hundredths, rounded: "1.44x"; "-" where `from` is free.
std::string ratio(NanoUsd from, NanoUsd to);

/// "131072", and "-" for 0: unknown.
std::string known_count(std::uint64_t count);

}  // namespace sluice::cli
