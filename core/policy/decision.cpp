#include "core/policy/decision.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>

namespace sluice {
namespace {

using std::string_view;

/// What is written, up to the longest record: on the stack, so that a short one costs no more than its bytes.
class Text {
public:
    Text& operator+=(char c) {
        if (at_ == buffer_.data() + buffer_.size()) return fill();
        *at_++ = c;
        return *this;
    }
    Text& operator+=(string_view text) {
        if (text.size() > room()) return fill();
        at_ = std::ranges::copy(text, at_).out;
        return *this;
    }
    char back() const { return at_[-1]; }
    /// Empty when it would have been too long.
    std::string str() const { return is_full_ ? std::string() : std::string(buffer_.data(), buffer_.size() - room()); }

    void number(std::integral auto value) {
        auto const [end, error] = std::to_chars(at_, buffer_.data() + buffer_.size(), value);
        if (error != std::errc()) {
            fill();
        } else {
            at_ = end;
        }
    }

private:
    std::size_t room() const { return static_cast<std::size_t>(buffer_.data() + buffer_.size() - at_); }
    Text& fill() {
        is_full_ = true;
        return *this;
    }

    std::array<char, most_decision_bytes> buffer_;  // NOLINT(cppcoreguidelines-pro-type-member-init): 32 KiB of nothing
    char* at_ = buffer_.data();
    bool is_full_ = false;
};

bool is_plain(char c) {
    auto const byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\';
}

/// Without a branch for each byte.
bool are_plain(string_view text) {
    bool plain = true;
    for (char const c : text) plain &= is_plain(c);
    return plain;
}

/// Text between quotes, whatever its bytes are: each that is not plain ASCII becomes an escape of its own.
void append_text(Text& out, string_view text) {
    constexpr string_view hex = "0123456789abcdef";
    out += '"';
    if (are_plain(text)) {
        out += text;
        text = {};
    }
    while (!text.empty()) {
        auto const special = std::ranges::find_if_not(text, is_plain);
        auto const plain = static_cast<std::size_t>(special - text.begin());
        out += text.substr(0, plain);
        text.remove_prefix(plain);
        if (text.empty()) break;
        auto const byte = static_cast<unsigned char>(text.front());
        out += string_view("\\u00");
        out += hex[byte >> 4U];
        out += hex[byte & 15U];
        text.remove_prefix(1);
    }
    out += '"';
}

void append_number(Text& out, std::integral auto number) { out.number(number); }

/// An object that leaves out what is 0, false or empty.
class Object {
public:
    explicit Object(Text& out) : out_(out) { out_ += '{'; }
    void end() { out_ += '}'; }

    Text& key(string_view name) {
        if (out_.back() != '{') out_ += ',';
        out_ += '"';
        out_ += name;
        return out_ += string_view("\":");
    }
    void number(string_view name, std::integral auto value) {
        if (value != 0) append_number(key(name), value);
    }
    void flag(string_view name, bool value) {
        if (value) key(name) += '1';
    }
    void text(string_view name, string_view value) {
        if (!value.empty()) append_text(key(name), value);
    }
    void texts(string_view name, std::vector<std::string> const& values) {
        if (values.empty()) return;
        key(name) += '[';
        for (auto const& value : values) {
            if (&value != values.data()) out_ += ',';
            append_text(out_, value);
        }
        out_ += ']';
    }
    void percentiles(string_view name, ByPercentile const& values) {
        if (values != ByPercentile{}) numbers(name, values);
    }
    void numbers(string_view name, auto const& values) {
        key(name) += '[';
        for (auto const value : values) {
            if (out_.back() != '[') out_ += ',';
            append_number(out_, value);
        }
        out_ += ']';
    }

private:
    Text& out_;
};

void append_facts(Text& out, RequestFacts const& facts) {
    Object object(out);
    object.number("needs", facts.needs.bits);
    object.flag("stream", facts.stream);
    object.number("in", facts.input_tokens);
    object.number("out", facts.output_tokens);
    object.number("messages", facts.messages);
    object.number("tools", facts.tools);
    object.number("complexity", facts.complexity);
    object.end();
}

void append_filter(Text& out, TargetFilter const& filter) {
    Object object(out);
    object.texts("regions", filter.regions);
    object.texts("quantizations", filter.quantizations);
    object.flag("zdr", filter.zero_retention);
    object.flag("no_training", filter.no_training);
    if (filter.max_input_price) append_number(object.key("max_in"), filter.max_input_price->value.count);
    if (filter.max_output_price) append_number(object.key("max_out"), filter.max_output_price->value.count);
    object.end();
}

void append_steering(Text& out, Steering const& steering) {
    Object object(out);
    object.texts("models", steering.models);
    object.texts("order", steering.order);
    object.texts("only", steering.only);
    object.texts("ignore", steering.ignore);
    object.flag("no_fallbacks", !steering.allow_fallbacks);
    object.flag("require_parameters", steering.require_parameters);
    object.number("sort", static_cast<unsigned>(steering.sort));
    object.flag("pool", steering.pool_models);
    object.flag("free", steering.free_only);
    if (!steering.filter.empty()) append_filter(object.key("filter"), steering.filter);
    object.percentiles("first_token", steering.max_first_token_us);
    object.percentiles("throughput", steering.min_tokens_per_second);
    object.end();
}

void append_measured(Text& out, Measured const& measured) {
    Object object(out);
    object.number("n", measured.requests);
    object.number("failed", measured.failures);
    object.percentiles("first_token", measured.first_token_us);
    object.percentiles("answer", measured.answer_us);
    object.percentiles("throughput", measured.tokens_per_second);
    object.number("per_token", measured.us_per_output_token);
    object.number("out", measured.mean_output_tokens);
    object.number("cached", measured.cached_permille);
    object.number("resumed", measured.resumed);
    object.end();
}

void append_candidate(Text& out, Candidate const& candidate) {
    Object object(out);
    object.text("name", candidate.name);
    if (candidate.provider != provider_in(candidate.name)) append_text(object.key("provider"), candidate.provider);
    object.number("breaker", static_cast<unsigned>(candidate.breaker));
    object.flag("refuses", candidate.breaker_refuses);
    object.number("probe", candidate.time_to_probe.count());
    object.flag("no_credential", !candidate.credential_free);
    object.number("bench", static_cast<unsigned>(candidate.bench));
    object.number("credential", candidate.time_to_credential.count());
    object.number("in_flight", candidate.in_flight);
    object.number("max", candidate.max_in_flight);
    object.flag("refused", !candidate.takes_request);
    object.flag("loses", !candidate.loses_nothing);
    if (candidate.headroom_permille) append_number(object.key("headroom"), *candidate.headroom_permille);
    if (candidate.measured != Measured()) append_measured(object.key("measured"), candidate.measured);
    object.end();
}

/// A list of what `append` writes.
void append_list(Text& out, auto const& values, auto const& append) {
    out += '[';
    for (auto const& value : values) {
        if (out.back() != '[') out += ',';
        append(out, value);
    }
    out += ']';
}

void append_model(Text& out, DecisionModel const& model) {
    Object object(out);
    object.text("name", model.name);
    object.text("star", model.star);
    object.number("first", model.first_candidate);
    object.number("count", model.candidate_count);
    object.end();
}

void append_planned(Text& out, PlannedTarget const& planned) {
    out += '[';
    append_number(out, planned.target);
    out += ',';
    append_text(out, planned.reason);
    out += ',';
    append_number(out, planned.score);
    out += ']';
}

void append_excluded(Text& out, ExcludedTarget const& excluded) {
    Object object(out);
    object.number("target", excluded.target);
    object.number("why", static_cast<unsigned>(excluded.why));
    object.number("bench", static_cast<unsigned>(excluded.bench));
    object.number("left", excluded.time_left.count());
    if (excluded.lacking != Capability::count_)
        append_number(object.key("lacks"), static_cast<unsigned>(excluded.lacking));
    object.end();
}

}  // namespace

namespace {

/// What most records would say, which is therefore left out.
bool is_first_alone(Plan const& plan) {
    return plan.excluded.empty() && plan.order.size() == 1 && plan.order[0] == PlannedTarget{.reason = usual_reason};
}

}  // namespace

std::string decision_json(DecisionView const& view) {
    auto const& input = view.input;
    Text out;
    Object object(out);
    append_number(object.key("v"), 1);
    object.text("config", view.config);
    append_list(object.key("models"), view.models, append_model);
    append_facts(object.key("facts"), input.facts);
    if (input.steering != nullptr) append_steering(object.key("steering"), *input.steering);
    if (input.bound) {
        std::array const bound{static_cast<std::int64_t>(input.bound->target), input.bound->cached_tokens};
        object.numbers("bound", bound);
    }
    object.flag("strict", input.strict);
    object.number("draw", input.draw);
    append_list(object.key("targets"), input.candidates, append_candidate);
    if (!is_first_alone(view.plan)) append_list(object.key("order"), view.plan.order, append_planned);
    if (!view.plan.excluded.empty()) append_list(object.key("excluded"), view.plan.excluded, append_excluded);
    object.flag("moved", view.plan.moved_by_affinity);
    object.flag("panic", view.plan.panic);
    object.end();
    return out.str();
}

std::string_view provider_in(std::string_view target) { return target.substr(0, target.find('/')); }

bool is_same_plan(RecordedDecision const& recorded, Plan const& plan) {
    auto const same = [](RecordedChoice const& choice, PlannedTarget const& planned) {
        return choice.target == planned.target && choice.reason == planned.reason && choice.score == planned.score;
    };
    return std::ranges::equal(recorded.order, plan.order, same) && recorded.excluded == plan.excluded &&
           recorded.moved_by_affinity == plan.moved_by_affinity && recorded.panic == plan.panic;
}

}  // namespace sluice
