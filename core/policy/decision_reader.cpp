#include <charconv>
#include <concepts>

#include "core/json/json_index.hpp"
#include "core/policy/decision.hpp"

namespace sluice {
namespace {

using std::string_view;

/// Takes values over, and remembers whether one was not what it should be.
class Reader {
public:
    bool failed() const { return !wrong_.empty(); }
    string_view wrong() const { return wrong_; }

    template <std::integral Number>
    Number number(JsonValue value, string_view name) {
        Number read{};
        auto const raw = value.raw();
        auto const [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), read);
        if (raw.empty() || error != std::errc() || end != raw.data() + raw.size()) fail(name);
        return read;
    }

    /// `count`: how many values it has.
    template <class Enum>
    Enum word(JsonValue value, unsigned count, string_view name) {
        auto const read = number<unsigned>(value, name);
        if (read >= count) fail(name);
        return static_cast<Enum>(read < count ? read : 0);
    }

    /// Every character is one byte: append_text() wrote it so.
    std::string text(JsonValue value, string_view name) {
        if (!value.is(JsonType::string)) fail(name);
        std::string bytes;
        auto const utf8 = value.unescaped();
        for (std::size_t i = 0; i < utf8.size(); ++i) {
            auto const byte = static_cast<unsigned char>(utf8[i]);
            if (byte < 0x80) {
                bytes += utf8[i];
            } else if ((byte == 0xC2 || byte == 0xC3) && i + 1 < utf8.size()) {
                bytes += static_cast<char>((byte & 3U) << 6U | (static_cast<unsigned char>(utf8[++i]) & 0x3FU));
            } else {
                fail(name);
            }
        }
        return bytes;
    }

    std::vector<std::string> texts(JsonValue value, string_view name) {
        std::vector<std::string> list;
        for (auto const element : value.elements()) list.push_back(text(element, name));
        return list;
    }

    ByPercentile bounds(JsonValue value, string_view name) {
        ByPercentile read{};
        std::size_t at = 0;
        for (auto const element : value.elements()) {
            if (at == read.size()) return fail(name), read;
            read[at++] = number<std::uint32_t>(element, name);
        }
        if (at != read.size()) fail(name);
        return read;
    }

    void fail(string_view name) {
        if (wrong_.empty()) wrong_ = name;
    }

private:
    string_view wrong_;  ///< a literal, or a name in the text that is read
};

RequestFacts read_facts(Reader& reader, JsonValue object) {
    RequestFacts facts;
    for (auto const& [name, begin, value, escaped] : object.members()) {
        if (name == "needs") facts.needs.bits = reader.number<std::uint16_t>(value, name);
        if (name == "stream") facts.stream = true;
        if (name == "in") facts.input_tokens = reader.number<std::int64_t>(value, name);
        if (name == "out") facts.output_tokens = reader.number<std::int64_t>(value, name);
        if (name == "messages") facts.messages = reader.number<unsigned>(value, name);
        if (name == "tools") facts.tools = reader.number<unsigned>(value, name);
        if (name == "complexity") facts.complexity = reader.number<unsigned>(value, name);
    }
    return facts;
}

TargetFilter read_filter(Reader& reader, JsonValue object) {
    TargetFilter filter;
    auto const price = [&reader](JsonValue value, string_view name) {
        return PricePerMillion{NanoUsd{reader.number<std::int64_t>(value, name)}};
    };
    for (auto const& [name, begin, value, escaped] : object.members()) {
        if (name == "regions") filter.regions = reader.texts(value, name);
        if (name == "quantizations") filter.quantizations = reader.texts(value, name);
        if (name == "zdr") filter.zero_retention = true;
        if (name == "no_training") filter.no_training = true;
        if (name == "max_in") filter.max_input_price = price(value, name);
        if (name == "max_out") filter.max_output_price = price(value, name);
    }
    return filter;
}

Steering read_steering(Reader& reader, JsonValue object) {
    Steering steering;
    for (auto const& [name, begin, value, escaped] : object.members()) {
        if (name == "models") steering.models = reader.texts(value, name);
        if (name == "order") steering.order = reader.texts(value, name);
        if (name == "only") steering.only = reader.texts(value, name);
        if (name == "ignore") steering.ignore = reader.texts(value, name);
        if (name == "no_fallbacks") steering.allow_fallbacks = false;
        if (name == "require_parameters") steering.require_parameters = true;
        if (name == "sort") steering.sort = reader.word<SortBy>(value, 4, name);
        if (name == "pool") steering.pool_models = true;
        if (name == "free") steering.free_only = true;
        if (name == "filter") steering.filter = read_filter(reader, value);
        if (name == "first_token") steering.max_first_token_us = reader.bounds(value, name);
        if (name == "throughput") steering.min_tokens_per_second = reader.bounds(value, name);
    }
    return steering;
}

Measured read_measured(Reader& reader, JsonValue object) {
    Measured measured;
    for (auto const& [name, begin, value, escaped] : object.members()) {
        if (name == "n") measured.requests = reader.number<std::uint32_t>(value, name);
        if (name == "failed") measured.failures = reader.number<std::uint32_t>(value, name);
        if (name == "first_token") measured.first_token_us = reader.bounds(value, name);
        if (name == "answer") measured.answer_us = reader.bounds(value, name);
        if (name == "throughput") measured.tokens_per_second = reader.bounds(value, name);
        if (name == "per_token") measured.us_per_output_token = reader.number<std::uint32_t>(value, name);
        if (name == "out") measured.mean_output_tokens = reader.number<std::uint32_t>(value, name);
        if (name == "cached") measured.cached_permille = reader.number<std::uint32_t>(value, name);
        if (name == "resumed") measured.resumed = reader.number<std::uint32_t>(value, name);
    }
    return measured;
}

milliseconds read_time(Reader& reader, JsonValue value, string_view name) {
    return milliseconds(reader.number<milliseconds::rep>(value, name));
}

RecordedTarget read_target(Reader& reader, JsonValue object) {
    RecordedTarget target;
    auto& known = target.known;
    for (auto const& [name, begin, value, escaped] : object.members()) {
        if (name == "name") target.provider = provider_in(target.name = reader.text(value, name));
        if (name == "provider") target.provider = reader.text(value, name);
        if (name == "breaker") known.breaker = reader.word<BreakerState>(value, 3, name);
        if (name == "refuses") known.breaker_refuses = true;
        if (name == "probe") known.time_to_probe = read_time(reader, value, name);
        if (name == "no_credential") known.credential_free = false;
        if (name == "bench") known.bench = reader.word<Bench>(value, 4, name);
        if (name == "credential") known.time_to_credential = read_time(reader, value, name);
        if (name == "in_flight") known.in_flight = reader.number<unsigned>(value, name);
        if (name == "max") known.max_in_flight = reader.number<unsigned>(value, name);
        if (name == "refused") known.takes_request = false;
        if (name == "loses") known.loses_nothing = false;
        if (name == "headroom") known.headroom_permille = reader.number<std::uint32_t>(value, name);
        if (name == "measured") known.measured = read_measured(reader, value);
    }
    return target;
}

RecordedModel read_model(Reader& reader, JsonValue object) {
    RecordedModel model;
    for (auto const& [name, begin, value, escaped] : object.members()) {
        if (name == "name") model.name = reader.text(value, name);
        if (name == "star") model.star = reader.text(value, name);
        if (name == "first") model.first_candidate = reader.number<std::size_t>(value, name);
        if (name == "count") model.candidate_count = reader.number<std::size_t>(value, name);
    }
    return model;
}

RecordedChoice read_choice(Reader& reader, JsonValue list) {
    RecordedChoice choice;
    std::size_t at = 0;
    for (auto const value : list.elements()) {
        if (at == 0) choice.target = reader.number<std::size_t>(value, "order");
        if (at == 1) choice.reason = reader.text(value, "order");
        if (at == 2) choice.score = reader.number<std::int64_t>(value, "order");
        ++at;
    }
    if (at != 3) reader.fail("order");
    return choice;
}

ExcludedTarget read_excluded(Reader& reader, JsonValue object) {
    ExcludedTarget excluded{.why = static_cast<Exclusion>(0)};
    for (auto const& [name, begin, value, escaped] : object.members()) {
        if (name == "target") excluded.target = reader.number<std::size_t>(value, name);
        if (name == "why") excluded.why = reader.word<Exclusion>(value, static_cast<unsigned>(Exclusion::count_), name);
        if (name == "bench") excluded.bench = reader.word<Bench>(value, 4, name);
        if (name == "left") excluded.time_left = read_time(reader, value, name);
        if (name == "lacks") excluded.lacking = reader.word<Capability>(value, capability_count, name);
    }
    return excluded;
}

BoundTarget read_bound(Reader& reader, JsonValue list) {
    BoundTarget bound;
    std::size_t at = 0;
    for (auto const value : list.elements()) {
        if (at == 0) bound.target = reader.number<std::size_t>(value, "bound");
        if (at == 1) bound.cached_tokens = reader.number<std::int64_t>(value, "bound");
        ++at;
    }
    if (at != 2) reader.fail("bound");
    return bound;
}

/// Whether all positions are those of targets.
bool is_consistent(RecordedDecision const& decision) {
    auto const count = decision.targets.size();
    for (auto const& model : decision.models) {
        if (model.first_candidate > count || model.candidate_count > count - model.first_candidate) return false;
    }
    for (auto const& choice : decision.order) {
        if (choice.target >= count) return false;
    }
    for (auto const& excluded : decision.excluded) {
        if (excluded.target >= count) return false;
    }
    return !decision.bound || decision.bound->target < count;
}

std::unexpected<Error> unreadable(std::string why) {
    return std::unexpected(Error{.kind = ErrorKind::invalid_json, .detail = "no decision record: " + std::move(why)});
}

}  // namespace

Result<RecordedDecision> read_decision(std::string_view json) {
    thread_local JsonIndex index;
    auto const root = index.read(json);
    if (!root) return unreadable(std::string(root.error().problem));
    if ((*root)["v"].raw() != "1") return unreadable("its version is not 1");
    Reader reader;
    RecordedDecision decision;
    for (auto const& [name, begin, value, escaped] : root->members()) {
        if (name == "config") decision.config = reader.text(value, name);
        if (name == "facts") decision.facts = read_facts(reader, value);
        if (name == "steering") decision.steering = read_steering(reader, value);
        if (name == "bound") decision.bound = read_bound(reader, value);
        if (name == "draw") decision.draw = reader.number<std::uint64_t>(value, name);
        if (name == "strict") decision.strict = true;
        if (name == "moved") decision.moved_by_affinity = true;
        if (name == "panic") decision.panic = true;
        for (auto const element : value.elements()) {
            if (name == "models") decision.models.push_back(read_model(reader, element));
            if (name == "targets") decision.targets.push_back(read_target(reader, element));
            if (name == "order") decision.order.push_back(read_choice(reader, element));
            if (name == "excluded") decision.excluded.push_back(read_excluded(reader, element));
        }
    }
    if (decision.order.empty() && decision.excluded.empty() && !decision.targets.empty()) {
        decision.order.push_back({.reason = std::string(usual_reason)});
    }
    if (reader.failed()) return unreadable("wrong value of " + shown(reader.wrong()));
    if (!is_consistent(decision)) return unreadable("a position is no target's");
    return decision;
}

}  // namespace sluice
