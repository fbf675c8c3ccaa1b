#include "core/pipeline/limit_error.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "core/pipeline/answer_headers.hpp"

namespace sluice {
namespace {

using namespace std::chrono;

constexpr milliseconds soon{1'000};

/// "90 s", "1 hour", "7 days".
std::string length_text(seconds length) {
    struct Unit {
        std::int64_t size;
        std::string_view name;
    };
    constexpr std::array units{Unit{86'400, "day"}, Unit{3'600, "hour"}, Unit{60, "minute"}, Unit{1, "second"}};
    for (auto const& unit : units) {
        if (length.count() % unit.size != 0) continue;
        auto const count = length.count() / unit.size;
        if (count == 1) return std::string(unit.name);
        return std::to_string(count) + " " + std::string(unit.name) + "s";
    }
    return "";
}

std::string period_text(LimitPeriod const& per) {
    switch (per.kind) {
        case LimitPeriod::Kind::day:
            return " per day";
        case LimitPeriod::Kind::week:
            return " per week";
        case LimitPeriod::Kind::month:
            return " per month";
        case LimitPeriod::Kind::total:
            return " in all";
        case LimitPeriod::Kind::aligned:
            return " per " + length_text(per.length);
        case LimitPeriod::Kind::rolling:
            return " in any " + length_text(per.length);
    }
    return "";
}

/// As OpenAI writes it: "1m30s", "250ms".
void add_reset(Headers& headers, std::string_view name, LimitLeft const& limit, WallTime now) {
    std::array<char, 48> text;
    char* at = text.data();
    auto const write = [&](std::int64_t count, std::string_view unit) {
        at = std::to_chars(at, text.data() + text.size(), count).ptr;
        at = std::ranges::copy(unit, at).out;
    };
    auto const wait = std::max(limit.resets_at ? *limit.resets_at - now : milliseconds(0), milliseconds(0));
    auto const all = ceil<seconds>(wait).count();
    if (wait < seconds(1)) {
        write(wait.count(), "ms");
    } else {
        if (all >= 3600) write(all / 3600, "h");
        if (all >= 60) write(all % 3600 / 60, "m");
        write(all % 60, "s");
    }
    headers.add(name, {text.data(), at});
}

std::string_view name_of(Resource resource) {
    switch (resource) {
        case Resource::money:
            return "USD";
        case Resource::tokens:
            return "tokens";
        default:
            return "requests";
    }
}

}  // namespace

std::string_view to_text(PayerKind kind) {
    switch (kind) {
        case PayerKind::key:
            return "key";
        case PayerKind::team:
            return "team";
        case PayerKind::tag:
            return "tag";
        case PayerKind::user:
            return "user";
        case PayerKind::model:
            return "model";
        case PayerKind::provider:
            return "provider";
        default:
            return "target";
    }
}

std::string to_text(Limit const& limit) {
    auto text = limit.of == Resource::money ? to_usd(NanoUsd{limit.most}) : std::to_string(limit.most);
    text += ' ';
    text += name_of(limit.of);
    return text + (limit.of == Resource::concurrent ? " at a time" : period_text(limit.per));
}

Error limit_error(LimitRefusal const& refusal) {
    bool const is_money = refusal.limit.of == Resource::money;
    bool const passing = refusal.passing || refusal.lease_short;
    Error error{.kind = is_money && !passing ? ErrorKind::insufficient_quota : ErrorKind::rate_limit_exceeded};
    std::string text = "the limit of " + std::string(to_text(refusal.payer.kind)) + " '" + shown(refusal.payer.name) +
                       "' (" + to_text(refusal.limit) + ")";
    if (is_money && !passing) {
        text += refusal.room > 0 ? " leaves " + to_usd(NanoUsd{refusal.room}) + " USD, too little for this request"
                                 : " is used up";
    } else {
        text += passing ? " is taken by requests under way" : " is reached";
    }
    error.message = std::move(text);
    if (passing && is_money) error.code = "budget_in_use";
    error.retry_after = passing ? soon : refusal.retry_in;
    return error;
}

void add_limit_headers(Headers& headers, LimitBook& book, LimitAccounts const& accounts, WallTime now) {
    bool const any =
        LimitBook::has_limit(accounts, Resource::requests) || LimitBook::has_limit(accounts, Resource::tokens);
    if (!any) return;
    auto const rates = book.rates_left(accounts, now);
    if (rates.requests) {
        headers.add_number("x-ratelimit-limit-requests", rates.requests->most);
        headers.add_number("x-ratelimit-remaining-requests", rates.requests->left);
        add_reset(headers, "x-ratelimit-reset-requests", *rates.requests, now);
    }
    if (rates.tokens) {
        headers.add_number("x-ratelimit-limit-tokens", rates.tokens->most);
        headers.add_number("x-ratelimit-remaining-tokens", rates.tokens->left);
        add_reset(headers, "x-ratelimit-reset-tokens", *rates.tokens, now);
    }
}

}  // namespace sluice
