#include "server/lab/pace.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace sluice::lab {
namespace {

struct Unit {
    std::string_view name;
    double scale;
};
constexpr std::array<Unit, 7> duration_units{
    {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"h", 3600e6}, {"", 1e3}, {"min", 60e6}}};
constexpr std::array<Unit, 9> size_units{{{"", 1},
                                          {"B", 1},
                                          {"KB", 1e3},
                                          {"kB", 1e3},
                                          {"MB", 1e6},
                                          {"KiB", 1024},
                                          {"MiB", 1048576},
                                          {"k", 1e3},
                                          {"M", 1e6}}};

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

template <std::size_t N>
std::expected<double, std::string> number_with_unit(std::string_view text, std::array<Unit, N> const& units) {
    text = trimmed(text);
    double value = 0;
    auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    auto unit = trimmed(text.substr(static_cast<std::size_t>(end - text.data())));
    auto known = std::ranges::find(units, unit, &Unit::name);
    if (failure != std::errc{} || known == units.end() || value < 0 || !std::isfinite(value) || value > 1e12)
        return std::unexpected("`" + std::string(text) + "` is not a number with a known unit");
    return value * known->scale;
}

}  // namespace

Duration draw(Distribution const& distribution, Random& random) {
    auto low = static_cast<double>(distribution.low.count());
    double value = low;
    if (distribution.shape == Distribution::Shape::uniform)
        value = low + random.unit() * static_cast<double>((distribution.high - distribution.low).count());
    if (distribution.shape == Distribution::Shape::lognormal)
        value = low * std::exp(distribution.sigma * random.normal());
    auto longest = static_cast<double>(forever.count());
    return Duration(static_cast<Duration::rep>(std::clamp(value, 0.0, longest)));
}

std::expected<Duration, std::string> parse_duration(std::string_view text) {
    if (trimmed(text) == "forever") return forever;
    auto value = number_with_unit(text, duration_units);
    if (!value) return std::unexpected(std::move(value.error()) + " (us, ms, s, m, h) or `forever`");
    return Duration(static_cast<Duration::rep>(std::min(*value, static_cast<double>(forever.count()))));
}

std::expected<Distribution, std::string> parse_distribution(std::string_view text) {
    text = trimmed(text);
    auto open = text.find('(');
    if (open == std::string_view::npos) {
        auto value = parse_duration(text);
        if (!value) return std::unexpected(std::move(value.error()));
        return Distribution{.low = *value};
    }
    auto name = trimmed(text.substr(0, open));
    auto comma = text.find(',', open);
    if (text.back() != ')' || comma == std::string_view::npos || (name != "uniform" && name != "lognormal"))
        return std::unexpected("`" + std::string(text) +
                               "` is not a duration, uniform(least, most) or lognormal(median, sigma)");
    auto first = parse_duration(text.substr(open + 1, comma - open - 1));
    if (!first) return std::unexpected(std::move(first.error()));
    auto second = text.substr(comma + 1, text.size() - comma - 2);
    if (name == "lognormal") {
        auto sigma = number_with_unit(second, std::array<Unit, 1>{{{"", 1}}});
        if (!sigma) return std::unexpected("the sigma of a lognormal is a plain number");
        return Distribution{.shape = Distribution::Shape::lognormal, .low = *first, .sigma = *sigma};
    }
    auto most = parse_duration(second);
    if (!most) return std::unexpected(std::move(most.error()));
    if (*most < *first) return std::unexpected("uniform(least, most): most is below least");
    return Distribution{.shape = Distribution::Shape::uniform, .low = *first, .high = *most};
}

std::expected<std::size_t, std::string> parse_size(std::string_view text) {
    auto value = number_with_unit(text, size_units);
    if (!value) return std::unexpected(std::move(value.error()) + " (B, KB, KiB, MB, MiB)");
    return static_cast<std::size_t>(*value);
}

}  // namespace sluice::lab
