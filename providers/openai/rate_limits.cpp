#include "providers/openai/rate_limits.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

namespace sluice::openai {
namespace {

using std::string_view;

/// More families than any provider has; bounds the work.
constexpr std::size_t most_buckets = 16;

bool speaks_of_limits(string_view name) {
    return name.starts_with("x-ratelimit") || name.starts_with("anthropic-ratelimit-") ||
           name.starts_with("x-tokenlimit-") || name.starts_with("ratelimit");
}

enum class Aspect : unsigned char { none, limit, remaining, reset };

/// One of the words between the dashes of a name.
struct Word {
    string_view text;
    Aspect aspect = Aspect::none;
    LimitWindow window = LimitWindow::unnamed;
    bool is_tokens = false;
};

Word meaning_of(string_view text) {
    constexpr std::array words{
        Word{.text = "limit", .aspect = Aspect::limit},        Word{.text = "remaining", .aspect = Aspect::remaining},
        Word{.text = "reset", .aspect = Aspect::reset},        Word{.text = "tokens", .is_tokens = true},
        Word{.text = "tokenlimit", .is_tokens = true},         Word{.text = "ratelimitbysize", .is_tokens = true},
        Word{.text = "minute", .window = LimitWindow::minute}, Word{.text = "hour", .window = LimitWindow::hour},
        Word{.text = "day", .window = LimitWindow::day},       Word{.text = "month", .window = LimitWindow::longer},
    };
    auto const known = std::find_if(words.begin(), words.end(), [text](Word const& word) { return word.text == text; });
    return known == words.end() ? Word{.text = text} : *known;
}

struct Field {
    std::string bucket;  ///< its name without the aspect: fields of one bucket share it
    Aspect aspect = Aspect::none;
    RateBucket kinds;
};

Field read_name(string_view name) {
    Field field;
    while (!name.empty()) {
        auto const word = meaning_of(name.substr(0, name.find('-')));
        name.remove_prefix(std::min(word.text.size() + 1, name.size()));
        if (word.aspect != Aspect::none && field.aspect == Aspect::none) {
            field.aspect = word.aspect;
            continue;
        }
        if (word.is_tokens) field.kinds.kind = LimitKind::tokens;
        if (word.window != LimitWindow::unnamed) field.kinds.window = word.window;
        field.bucket.append(word.text).append("-");
    }
    return field;
}

/// A count may have a fraction; negative ones and others are unknown.
std::int64_t read_count(string_view text) {
    text = text.substr(0, text.find_first_of(" ,;."));
    std::int64_t count = -1;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    bool const is_count = error == std::errc() && end == text.data() + text.size() && count >= 0;
    return is_count ? count : -1;
}

void set(RateBucket& bucket, Aspect aspect, string_view value, WallTime now) {
    if (aspect == Aspect::limit) bucket.limit = read_count(value);
    if (aspect == Aspect::remaining) bucket.remaining = read_count(value);
    if (aspect == Aspect::reset) bucket.resets_in = read_wait(value, now);
}

}  // namespace

bool speak_of_limits(Headers const& headers) {
    return std::ranges::any_of(headers, [](HeaderField field) { return speaks_of_limits(field.name); });
}

RateLimits read_rate_limits(Headers const& headers, WallTime now) {
    RateLimits limits;
    std::vector<std::string> names;
    for (auto const& header : headers) {
        if (!speaks_of_limits(header.name)) continue;
        auto field = read_name(header.name);
        if (field.aspect == Aspect::none) continue;
        auto at = static_cast<std::size_t>(std::find(names.begin(), names.end(), field.bucket) - names.begin());
        if (at == most_buckets) break;
        if (at == names.size()) {
            names.push_back(std::move(field.bucket));
            limits.push_back(field.kinds);
        }
        set(limits[at], field.aspect, header.value, now);
    }
    return limits;
}

}  // namespace sluice::openai
