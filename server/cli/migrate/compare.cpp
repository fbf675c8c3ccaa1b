#include "server/cli/migrate/compare.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "server/cli/migrate/amounts.hpp"
#include "server/cli/migrate/rules.hpp"

namespace sluice::cli {
namespace {

using config::ModelFacts;
using config::Profile;

class Comparer {
public:
    explicit Comparer(Comparison const& sides)
        : from_(sides.from), to_(sides.to), environment_(sides.environment), traffic_(sides.traffic) {}

    std::vector<Finding> all() {
        key();
        region();
        model();
        tools();
        parameters();
        limits();
        price();
        answers();
        return std::move(findings_);
    }

private:
    void say(Topic topic, Level level, std::string text) {
        findings_.push_back({.topic = topic, .level = level, .text = std::move(text)});
    }
    bool is_set(std::string const& variable) const {
        return environment_ && !environment_(variable).value_or("").empty();
    }

    void key() {
        Profile const& to = *to_.profile;
        if (!to.needs_key) {
            say(Topic::key, Level::same, to.name + " needs no key");
        } else if (to.key_variables.empty()) {
            say(Topic::key, Level::warning, to.name + " needs a key: give it as providers." + to.name + ".api_key");
        } else {
            auto const set = std::ranges::find_if(to.key_variables, [this](auto const& name) { return is_set(name); });
            bool const has = set != to.key_variables.end();
            say(Topic::key, has ? Level::same : Level::warning,
                has ? *set + " is set" : to.key_variables.front() + " is not set: " + to.name + " needs its key");
        }
        for (config::Variable const& variable : to.variables) {
            if (variable.standard || (!variable.env.empty() && is_set(variable.env))) continue;
            say(Topic::key, Level::warning,
                fmt::format("providers.{}.variables.{} is needed{}{}", to.name, variable.name,
                            variable.env.empty() ? "" : ", or the variable " + variable.env,
                            variable.why.empty() ? "" : ": " + variable.why));
        }
        if (&to == from_.profile) return;
        bool const share = std::ranges::any_of(from_.profile->key_variables, [&to](auto const& name) {
            return std::ranges::find(to.key_variables, name) != to.key_variables.end();
        });
        say(Topic::key, share ? Level::warning : Level::note,
            fmt::format("a key of {} does not work at {}{}", from_.profile->name, to.name,
                        share ? ", though both are read from the same variable: give each its own `api_key`" : ""));
        if (to.status == "retired") say(Topic::key, Level::unsafe, to.name + " is retired");
        if (to.status == "unverified")
            say(Topic::key, Level::note, to.name + "'s profile was never checked against it");
    }

    void region() {
        auto const& before = from_.profile->regions;
        auto const& after = to_.profile->regions;
        auto const list = [](std::vector<std::string> const& regions) {
            return regions.empty() ? std::string("unknown") : fmt::format("{}", fmt::join(regions, ", "));
        };
        if (from_.profile == to_.profile || (before.empty() && after.empty())) return;
        bool const is_new = !before.empty() && std::ranges::any_of(after, [&before](std::string const& region) {
            return std::ranges::find(before, region) == before.end();
        });
        bool const leaves = !before.empty() && after.empty();
        say(Topic::key, is_new || leaves ? Level::changes : Level::note,
            "computes in: " + list(before) + " -> " + list(after));
    }

    void model() {
        auto const* const before = from_.known.canonical;
        auto const* const after = to_.known.canonical;
        if (before != nullptr && before == after) {
            say(Topic::model, Level::same,
                fmt::format("the same model, {}: {} -> {}", before->title, from_.model, to_.model));
        } else if (before != nullptr && after != nullptr) {
            say(Topic::model, Level::changes, "another model: " + before->title + " -> " + after->title);
        } else if (from_.model != to_.model) {
            say(Topic::model, Level::changes,
                fmt::format("{} -> {}: the catalogue does not know whether they are the same model", from_.model,
                            to_.model));
        }
        for (std::string const& hint : from_.hints) say(Topic::model, Level::note, from_.profile->name + ": " + hint);
        bool const unknown = !to_.known.is_listed() && !config::known_ids(to_.profile->name).empty();
        for (std::string const& hint : to_.hints)
            say(Topic::model, unknown ? Level::changes : Level::note, to_.profile->name + ": " + hint);
    }

    /// What traffic says about a level: nothing without traffic, a note when nothing in it is concerned.
    Level weighed(Level level, std::uint64_t concerned) const {
        return traffic_ != nullptr && concerned == 0 ? Level::note : level;
    }

    void capability(char const* name, std::optional<bool> ModelFacts::* member, Level when_lost,
                    std::uint64_t Traffic::* used) {
        auto const before = from_.known.facts.*member;
        auto const after = to_.known.facts.*member;
        auto const word = [](std::optional<bool> has) { return !has ? "unknown" : *has ? "yes" : "no"; };
        if (!before && !after && !(traffic_ != nullptr && used != nullptr && traffic_->*used > 0)) return;
        std::uint64_t const count = traffic_ != nullptr && used != nullptr ? traffic_->*used : 0;
        Level level = Level::same;
        if (after == false && before != false) level = used == nullptr ? when_lost : weighed(when_lost, count);
        if (!after && before != false) level = count > 0 ? Level::warning : Level::note;
        auto text = fmt::format("{}: {} -> {}", name, word(before), word(after));
        if (traffic_ != nullptr && used != nullptr) text += fmt::format(" ({} requests)", count);
        say(Topic::tools, level, std::move(text));
    }

    void tools() {
        capability("tools", &ModelFacts::tools, Level::unsafe, &Traffic::with_tools);
        capability("tools while streaming", &ModelFacts::stream_tools, Level::unsafe, &Traffic::streaming_tools);
        capability("tool_choice required", &ModelFacts::tool_choice_required, Level::changes, &Traffic::requires_tool);
        capability("several tool calls at once", &ModelFacts::parallel_tools, Level::changes, nullptr);
        capability("images", &ModelFacts::vision, Level::unsafe, &Traffic::with_images);
        capability("json_schema", &ModelFacts::json_schema, Level::changes, &Traffic::with_json_schema);
    }

    void parameters() {
        if (traffic_ != nullptr) count_parameters();
        for (Finding& each : compare_rules(from_, to_)) {
            if (traffic_ != nullptr && each.level > Level::note) each.level = Level::note;
            findings_.push_back(std::move(each));
        }
    }

    void count_parameters() {
        for (auto const& [key, row] : traffic_->fields) {
            bool const is_refusal = row.change == "refused";
            findings_.push_back({.topic = Topic::parameters,
                                 .level = is_refusal ? Level::unsafe : Level::changes,
                                 .text = fmt::format("{}: {} requests", key, row.requests),
                                 .field = key.substr(0, key.find(' ')),
                                 .severity = row.severity,
                                 .why = row.why});
        }
    }

    static std::string rates(Profile const& profile) {
        std::string out;
        for (config::RateFacts const& each : profile.limits) {
            std::string parts;
            auto const add = [&parts](std::uint64_t count, char const* unit) {
                if (count > 0) parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", count, unit);
            };
            add(each.requests_per_minute, "requests a minute");
            add(each.requests_per_day, "requests a day");
            add(each.tokens_per_minute, "tokens a minute");
            add(each.tokens_per_day, "tokens a day");
            add(each.concurrent, "at a time");
            out += (out.empty() ? "" : "; ") + std::string("tier ") + each.tier + ": " + parts;
        }
        return out.empty() ? "unknown" : out;
    }

    void size(char const* name, std::uint64_t ModelFacts::* member, std::uint64_t Traffic::* over) {
        auto const before = from_.known.facts.*member;
        auto const after = to_.known.facts.*member;
        bool const is_smaller = after > 0 && (before == 0 || after < before);
        std::uint64_t const count = traffic_ != nullptr ? traffic_->*over : 0;
        Level level = Level::same;
        if (is_smaller) level = before == 0 ? Level::note : weighed(Level::changes, count);
        if (after == 0 && before > 0) level = Level::note;
        if (count > 0) level = Level::unsafe;
        auto text = fmt::format("{}: {} -> {} tokens", name, known_count(before), known_count(after));
        if (traffic_ != nullptr && after > 0) text += fmt::format(" ({} requests are beyond)", count);
        say(Topic::limits, level, std::move(text));
    }

    void limits() {
        size("context", &ModelFacts::context, &Traffic::over_context);
        size("longest answer", &ModelFacts::max_output, &Traffic::over_output);
        say(Topic::limits, Level::note, from_.profile->name + " rates: " + rates(*from_.profile));
        say(Topic::limits, Level::note, to_.profile->name + " rates: " + rates(*to_.profile));
    }

    static std::string listed(Side const& side) {
        auto const* const row = side.known.row;
        if (row == nullptr || !row->prices) return side.name() + ": unknown";
        return fmt::format("{}: ${} per million tokens in / out ({}, {})", side.name(), price_text(*row->prices),
                           row->source, row->date);
    }

    void price() {
        say(Topic::price, Level::note, listed(from_));
        say(Topic::price, Level::note, listed(to_));
        auto const* const before = from_.known.row;
        auto const* const after = to_.known.row;
        bool const are_known = before != nullptr && before->prices && after != nullptr && after->prices;
        if (are_known) {
            say(Topic::price, Level::note,
                fmt::format("ratio: input {}, output {}",
                            ratio(before->prices->input.value, after->prices->input.value),
                            ratio(before->prices->output.value, after->prices->output.value)));
        }
        if (traffic_ == nullptr) return;
        auto const sum = [](Side const& side, NanoUsd cost) {
            return side.known.row != nullptr && side.known.row->prices ? "$" + rounded_dollars(cost) : "unknown";
        };
        auto text = fmt::format("this traffic: {} -> {}", sum(from_, traffic_->cost_from), sum(to_, traffic_->cost_to));
        if (are_known) text += fmt::format(" ({})", ratio(traffic_->cost_from, traffic_->cost_to));
        if (traffic_->without_usage > 0)
            text += fmt::format("; {} requests came without usage: 4 bytes to a token of input, no output",
                                traffic_->without_usage);
        say(Topic::price, Level::note, std::move(text));
    }

    void answers() {
        auto const before = from_.known.facts.reasoning;
        auto const after = to_.known.facts.reasoning;
        if (before != after) {
            auto const word = [](std::optional<bool> has) { return !has ? "unknown" : *has ? "yes" : "no"; };
            say(Topic::answers, Level::note,
                fmt::format("thinks before it answers: {} -> {}", word(before), word(after)));
        }
        if (from_.profile != to_.profile) {
            auto const& gone = from_.profile->settings.answer_headers;
            auto const& come = to_.profile->settings.answer_headers;
            if (!come.empty())
                say(Topic::answers, Level::note, fmt::format("headers that come back: {}", fmt::join(come, ", ")));
            if (!gone.empty())
                say(Topic::answers, Level::note,
                    fmt::format("headers that came back so far: {}", fmt::join(gone, ", ")));
            if (to_.profile->cancel_stops_billing == false)
                say(Topic::answers, Level::note, "a request that its client gives up is charged to the end");
            for (std::string const& each : to_.profile->notes) say(Topic::answers, Level::note, each);
        }
    }

    Side const& from_;
    Side const& to_;
    config::Environment const& environment_;
    Traffic const* traffic_;
    std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> compare(Comparison const& sides) { return Comparer(sides).all(); }

}  // namespace sluice::cli
