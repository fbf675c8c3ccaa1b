#include "server/cli/migrate/amounts.hpp"

#include <fmt/format.h>

namespace sluice::cli {
namespace {

constexpr std::int64_t nano = 1'000'000'000;

template <class Prices>
std::string kinds(Prices const& prices) {
    std::string out = dollars(prices.input.value) + " / " + dollars(prices.output.value);
    if (prices.cached_input) out += ", cached " + dollars(prices.cached_input->value);
    if (prices.cache_write) out += ", cache write " + dollars(prices.cache_write->value);
    if (prices.reasoning) out += ", reasoning " + dollars(prices.reasoning->value);
    return out;
}

}  // namespace

std::string dollars(NanoUsd amount) {
    auto text = fmt::format("{}.{:09}", amount.count / nano, amount.count % nano);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text;
}

std::string rounded_dollars(NanoUsd amount) {
    constexpr std::int64_t cent = nano / 100;
    constexpr std::int64_t hundredth_of_cent = cent / 100;
    if (amount.count >= nano) {
        auto const cents = amount.count / cent + (amount.count % cent >= cent / 2 ? 1 : 0);
        return fmt::format("{}.{:02}", cents / 100, cents % 100);
    }
    if (amount.count < hundredth_of_cent) return dollars(amount);
    auto const parts = (amount.count + hundredth_of_cent / 2) / hundredth_of_cent;
    return fmt::format("{}.{:04}", parts / 10'000, parts % 10'000);
}

std::string price_text(PriceSheet const& prices) {
    std::string out = kinds(prices);
    for (PriceTier const& tier : prices.tiers) out += fmt::format("; above {}: {}", tier.above, kinds(tier));
    return out;
}

std::string ratio(NanoUsd from, NanoUsd to) {
    if (from.count <= 0) return "-";
    __extension__ using Wide = __int128;
    auto const hundredths =
        static_cast<std::int64_t>((static_cast<Wide>(to.count) * 100 + from.count / 2) / from.count);
    return fmt::format("{}.{:02}x", hundredths / 100, hundredths % 100);
}

std::string known_count(std::uint64_t count) { return count == 0 ? "-" : std::to_string(count); }

}  // namespace sluice::cli
