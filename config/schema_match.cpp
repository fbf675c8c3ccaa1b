#include <algorithm>
#include <array>
#include <utility>

#include "config/binding.hpp"
#include "config/schema.hpp"

/// What requests and targets are chosen by: `match`, `require`, `capabilities`.
namespace sluice::config {
namespace {

constexpr std::int64_t most_tokens = 1'000'000'000;

constexpr std::array<std::string_view, 7> days{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

template <std::size_t i>
Field capability_field() {
    static constexpr auto which = static_cast<Capability>(i);
    return {.key = capability_names[i],
            .kind = Kind::boolean,
            .sentence = "Whether it can; the catalogue's unless given.",
            .bind = {.assign =
                         [](void* object, Value const& value) {
                             auto& traits = *static_cast<TargetTraits*>(object);
                             bool const has = std::get<bool>(value);
                             auto const bit = Capabilities::bit(which);
                             (has ? traits.has : traits.lacks).bits |= bit;
                             (has ? traits.lacks : traits.has).bits &= static_cast<std::uint16_t>(~bit);
                         },
                     .current =
                         [](void const* object) {
                             auto const& traits = *static_cast<TargetTraits const*>(object);
                             bool const has = traits.has.has(which);
                             return has || traits.lacks.has(which) ? Value(has) : Value();
                         }}};
}

Binding bind_needs() {
    return {.assign =
                [](void* object, Value const& value) {
                    auto& needs = static_cast<MatchRule*>(object)->needs;
                    for (std::string const& word : std::get<Texts>(value)) {
                        for (std::size_t i = 0; i < capability_count; ++i)
                            if (capability_names[i] == word) needs.add(static_cast<Capability>(i));
                    }
                },
            .current =
                [](void const* object) {
                    Texts words;
                    for (std::size_t i = 0; i < capability_count; ++i) {
                        if (static_cast<MatchRule const*>(object)->needs.has(static_cast<Capability>(i)))
                            words.emplace_back(capability_names[i]);
                    }
                    return Value(words);
                }};
}

Binding bind_weekdays() {
    return {.assign =
                [](void* object, Value const& value) {
                    auto const& words = std::get<Texts>(value);
                    auto& weekdays = static_cast<MatchRule*>(object)->weekdays;
                    for (unsigned i = 0; i < days.size(); ++i)
                        if (std::ranges::find(words, days[i]) != words.end()) weekdays.push_back(i + 1);
                },
            .current =
                [](void const* object) {
                    Texts words;
                    for (unsigned const day : static_cast<MatchRule const*>(object)->weekdays)
                        words.emplace_back(days.at(day - 1));
                    return Value(words);
                }};
}

Binding bind_hours() {
    return {.assign =
                [](void* object, Value const& value) {
                    auto const both = static_cast<unsigned>(std::get<std::int64_t>(value));
                    static_cast<MatchRule*>(object)->hours = DayHours{.from = both / 1440, .to = both % 1440};
                },
            .current =
                [](void const* object) {
                    auto const& hours = static_cast<MatchRule const*>(object)->hours;
                    return hours ? Value(std::int64_t{hours->from} * 1440 + hours->to) : Value();
                }};
}

std::vector<Field> who() {
    return {
        {.key = "key",
         .kind = Kind::texts,
         .sentence = "Names of virtual keys, a star for any text.",
         .bind = bind<&MatchRule::callers>(),
         .example = "[ci, batch-*]"},
        {.key = "team",
         .kind = Kind::texts,
         .sentence = "Teams of virtual keys.",
         .bind = bind<&MatchRule::teams>(),
         .example = "[search]"},
        {.key = "tags",
         .kind = Kind::text_map,
         .sentence = "Tags that the virtual key must have, a star for any text.",
         .bind = bind<&MatchRule::tags>(),
         .example = "{ env: dev }"},
        {.key = "headers",
         .kind = Kind::text_map,
         .sentence = "Headers that the request must have, a star for any text.",
         .bind = bind<&MatchRule::headers>(),
         .example = "{ x-tier: gold }"},
    };
}

std::vector<Field> what() {
    return {
        {.key = "input_tokens_above",
         .kind = Kind::count,
         .sentence = "The prompt has more tokens, by estimate.",
         .bind = bind<&MatchRule::input_tokens_above>(),
         .most = most_tokens,
         .example = "8k"},
        {.key = "input_tokens_up_to",
         .kind = Kind::count,
         .sentence = "The prompt has at most so many, by estimate.",
         .bind = bind<&MatchRule::input_tokens_up_to>(),
         .least = 1,
         .most = most_tokens,
         .example = "1k"},
        {.key = "complexity_above",
         .kind = Kind::integer,
         .sentence = "The request is harder than this, on a scale to 100 ([formula](../routing.md)).",
         .bind = bind<&MatchRule::complexity_above>(),
         .most = 99,
         .example = "60"},
        {.key = "needs",
         .kind = Kind::choices,
         .sentence = "The request needs one of these.",
         .bind = bind_needs(),
         .choices = {capability_names.begin(), capability_names.end() - 1},
         .example = "[vision]"},
        {.key = "stream",
         .kind = Kind::boolean,
         .sentence = "Whether it asks for a stream.",
         .bind = bind<&MatchRule::stream>()},
        {.key = "hours",
         .kind = Kind::hours,
         .sentence = "From the first minute to before the second, UTC; may span midnight.",
         .bind = bind_hours(),
         .example = "22:00-06:00"},
        {.key = "weekdays",
         .kind = Kind::choices,
         .sentence = "Days, UTC.",
         .bind = bind_weekdays(),
         .choices = {days.begin(), days.end()},
         .example = "[sat, sun]",
         .other_words = {{"monday", "mon"},
                         {"tuesday", "tue"},
                         {"wednesday", "wed"},
                         {"thursday", "thu"},
                         {"friday", "fri"},
                         {"saturday", "sat"},
                         {"sunday", "sun"}}},
        {.key = "percent",
         .kind = Kind::percent,
         .sentence = "So many of the requests that the rest fits, by lot; a session always draws the same.",
         .bind = bind<&MatchRule::percent>(),
         .least = 1,
         .most = 100,
         .example = "10%"},
    };
}

Section const& when_section() {
    static Section const section = [] {
        Section made{.title = "models.NAME.match[].when", .fields = who(), .fresh = fresh<MatchRule>()};
        for (Field& field : what()) made.fields.push_back(std::move(field));
        return made;
    }();
    return section;
}

}  // namespace

Section const& match_section() {
    static Section const section{
        .title = "models.NAME.match[]",
        .fields =
            {
                {.key = "when",
                 .kind = Kind::object,
                 .sentence = "All of it must hold; of a list one suffices.",
                 .bind = nested<&MatchDraft::rule>(),
                 .section = when_section},
                {.key = "use",
                 .kind = Kind::text,
                 .sentence = "The model that serves such requests, by its own settings. The first rule that fits "
                             "decides; the `match` of that model is not asked again.",
                 .bind = bind<&MatchDraft::use>(),
                 .presence = Presence::required,
                 .example = "smart"},
            },
        .fresh = fresh<MatchDraft>(),
    };
    return section;
}

Section const& capabilities_section() {
    static Section const section = [] {
        Section made{.title = "models.NAME.targets[].capabilities", .fields = {}, .fresh = fresh<TargetTraits>()};
        [&made]<std::size_t... i>(std::index_sequence<i...>) {
            (made.fields.push_back(capability_field<i>()), ...);
        }(std::make_index_sequence<capability_count>());
        return made;
    }();
    return section;
}

Section const& require_section() {
    static Section const section{
        .title = "require",
        .fields =
            {
                {.key = "regions",
                 .kind = Kind::texts,
                 .standard = "[]",
                 .sentence = "It computes in one of these; one whose region is unknown doesn't count.",
                 .bind = bind<&TargetFilter::regions>(),
                 .example = "[eu]"},
                {.key = "zero_retention",
                 .kind = Kind::boolean,
                 .standard = "false",
                 .sentence = "It is known to keep nothing of a request.",
                 .bind = bind<&TargetFilter::zero_retention>()},
                {.key = "no_training",
                 .kind = Kind::boolean,
                 .standard = "false",
                 .sentence = "It is known not to train on requests.",
                 .bind = bind<&TargetFilter::no_training>()},
                {.key = "max_input_price",
                 .kind = Kind::price,
                 .sentence = "The most that its input may cost; one whose price is unknown doesn't count.",
                 .bind = bind<&TargetFilter::max_input_price>(),
                 .example = "3"},
                {.key = "max_output_price",
                 .kind = Kind::price,
                 .sentence = "The most that its output may cost; one whose price is unknown doesn't count.",
                 .bind = bind<&TargetFilter::max_output_price>(),
                 .example = "15"},
                {.key = "quantizations",
                 .kind = Kind::texts,
                 .standard = "[]",
                 .sentence = "It serves the model in one of these.",
                 .bind = bind<&TargetFilter::quantizations>(),
                 .example = "[fp8, bf16]"},
            },
        .fresh = fresh<TargetFilter>(),
    };
    return section;
}

}  // namespace sluice::config
