#include "server/store/lease_limit.hpp"

#include <charconv>
#include <chrono>

#include "core/policy/limit_period.hpp"
#include "server/store/charges.hpp"

namespace sluice::store {

namespace {

constexpr std::int64_t largest_exact = std::int64_t{1} << 52;  // sums of a few stay below 2^53
constexpr std::int64_t large_unit = 4096;

/// Takes a word and the space behind it.
std::string_view take_word(std::string_view& text) {
    auto const end = std::min(text.find(' '), text.size());
    auto const word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return word;
}

std::optional<std::int64_t> take_number(std::string_view& text) {
    auto const word = take_word(text);
    std::int64_t value = 0;
    auto const [end, problem] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (word.empty() || problem != std::errc() || end != word.data() + word.size() || value < 0) return std::nullopt;
    return value;
}

}  // namespace

SharedLimit SharedLimit::of_limit(Payer const& payer, Limit const& limit) {
    return {.payer = payer, .of = limit.of, .per = limit.per, .unit = limit.most > largest_exact ? large_unit : 1};
}

std::string SharedLimit::text() const {
    return std::string(to_text(payer.kind)) + ' ' + std::to_string(static_cast<int>(of)) + ' ' +
           std::to_string(static_cast<int>(per.kind)) + ' ' + std::to_string(per.length.count()) + ' ' +
           std::to_string(unit) + ' ' + payer.name;
}

std::optional<SharedLimit> SharedLimit::read(std::string_view text) {
    auto const payer = read_payer_kind(take_word(text));
    auto const of = take_number(text);
    auto const kind = take_number(text);
    auto const length = take_number(text);
    auto const unit = take_number(text);
    if (!payer || !of || *of >= static_cast<std::int64_t>(Resource::count_) || !kind ||
        *kind > static_cast<std::int64_t>(LimitPeriod::Kind::rolling) || !length || !unit || *unit == 0)
        return std::nullopt;
    return SharedLimit{.payer = {*payer, std::string(text)},
                       .of = static_cast<Resource>(*of),
                       .per = {static_cast<LimitPeriod::Kind>(*kind), std::chrono::seconds(*length)},
                       .unit = *unit};
}

WallTime SharedLimit::window_began(WallTime now) const { return is_rolling() ? WallTime{} : window_at(per, now).begin; }

WallTime SharedLimit::counts_since(WallTime now) const {
    if (!is_rolling()) return window_began(now);
    // Use is forgotten a little late (LimitPeriod's slots), and long periods go by whole hours, which are summed.
    auto const since = now - per.length - per.length / 60 - std::chrono::seconds(1);
    if (per.length < std::chrono::hours(24)) return since;
    return std::chrono::floor<std::chrono::hours>(since);
}

}  // namespace sluice::store
