#include "providers/openai/chunk_reader.hpp"

#include "core/json/json_string.hpp"

namespace sluice::openai {
namespace {

/// Plans how to take members out of one object so that the commas still fit. Told of every member, in order.
class MemberCuts {
public:
    explicit MemberCuts(std::vector<Cut>& cuts) : cuts_(cuts) {}

    void keep(JsonMember const& member) {
        close_at(member.name_begin);
        last_ = member.value;
        any_kept_ = true;
    }

    void take_out(JsonMember const& member) {
        close_at(member.name_begin);
        // Behind a member that stays the comma before this one goes; else the comma after it.
        cuts_.push_back({any_kept_ ? end_of(last_) : member.name_begin, end_of(member.value)});
        open_ = !any_kept_;
        last_ = member.value;
    }

private:
    static std::size_t end_of(JsonValue value) { return value.offset() + value.raw().size(); }

    void close_at(std::size_t next_name) {
        if (open_) cuts_.back().end = next_name;
        open_ = false;
    }

    std::vector<Cut>& cuts_;
    JsonValue last_;
    bool any_kept_ = false;
    bool open_ = false;  ///< the last cut reaches to the next member, if there is one
};

std::uint64_t text_of_tool_calls(JsonValue calls) {
    std::uint64_t bytes = 0;
    for (auto const call : calls.elements()) {
        auto const function = call["function"];
        bytes += function["name"].string().size() + function["arguments"].string().size();
    }
    return bytes;
}

/// Whether a member of a delta, or of a whole message, is something that a client can see.
bool is_content(JsonMember const& member) {
    // Spelled out, so that each comparison is one of lengths and a few bytes known in advance.
    return member.named("content") || member.named("reasoning_content") || member.named("reasoning") ||
           member.named("tool_calls") || member.named("refusal") || member.named("reasoning_details") ||
           member.named("function_call") || member.named("audio") || member.named("images");
}

void read_delta(JsonValue delta, ChoiceFacts& choice) {
    for (auto const& member : delta.members()) {
        if (!is_content(member)) continue;
        auto const value = member.value;
        if (value.is(JsonType::string)) {
            choice.output_bytes += value.string().size();
            choice.has_delta |= !value.string().empty();
        } else if (value.is(JsonType::array)) {
            choice.output_bytes += member.named("tool_calls") ? text_of_tool_calls(value) : value.raw().size();
            choice.has_delta |= !value.elements().empty();
        } else if (value.is(JsonType::object)) {
            choice.output_bytes += value["arguments"].string().size();
            choice.has_delta |= !value.members().empty();
        }
    }
}

/// Falsy values are no error for the SDKs either.
bool is_error(JsonValue value) {
    if (value.is(JsonType::string)) return !value.string().empty();
    if (value.is(JsonType::object)) return !value.members().empty();
    return value.is_true();
}

void take_usage(JsonMember const& member, MemberCuts& cuts, ChunkFacts& facts) {
    cuts.take_out(member);
    facts.usage = member.value;
}

void read_choice(JsonValue value, ChunkFacts& facts) {
    ChoiceFacts choice;
    MemberCuts cuts(facts.cuts);
    for (auto const& member : value.members()) {
        if (member.named("usage") && member.value.has_value()) {
            take_usage(member, cuts, facts);
            continue;
        }
        cuts.keep(member);
        if (member.named("delta") || member.named("message")) {
            read_delta(member.value, choice);
        } else if (member.named("finish_reason")) {
            choice.finish_reason = member.value.string();
        } else if (member.named("index")) {
            choice.index = member.value.integer().value_or(0);
        } else if (member.named("error") && is_error(member.value) && !facts.error) {
            facts.error = member.value;
        }
    }
    bool const failed = choice.finish_reason == "error" || choice.finish_reason == "insufficient_system_resource";
    if (failed && !facts.error) facts.error = value;
    facts.choices.push_back(choice);
}

void read_choices(JsonValue choices, ChunkFacts& facts) {
    if (choices.is(JsonType::array)) facts.choices_missing = false;
    for (auto const choice : choices.elements()) read_choice(choice, facts);
    facts.has_choices = !facts.choices.empty();
}

/// An envelope around further usage; the name is the provider's, the rule is everybody's.
void read_extension(JsonValue extension, ChunkFacts& facts) {
    MemberCuts cuts(facts.cuts);
    for (auto const& member : extension.members()) {
        if (member.named("usage") && member.value.has_value()) {
            take_usage(member, cuts, facts);
        } else {
            cuts.keep(member);
        }
    }
}

}  // namespace

void ChunkFacts::clear() {
    has_choices = is_usage_chunk = false;
    choices_missing = true;
    choices.clear();
    error = id = model = created = usage = {};
    cuts.clear();
}

void read_chunk(JsonValue root, ChunkFacts& facts) {
    facts.clear();
    JsonValue own_usage;
    MemberCuts cuts(facts.cuts);
    for (auto const& member : root.members()) {
        if (member.named("usage") && member.value.has_value()) {
            take_usage(member, cuts, facts);
            own_usage = member.value;
            continue;
        }
        cuts.keep(member);
        if (member.named("choices")) {
            read_choices(member.value, facts);
        } else if (member.named("error")) {
            if (is_error(member.value)) facts.error = member.value;
        } else if (member.named("model")) {
            facts.model = member.value;
        } else if (member.named("id")) {
            facts.id = member.value;
        } else if (member.named("created")) {
            facts.created = member.value;
        } else if (member.named("x_groq")) {
            read_extension(member.value, facts);
        }
    }
    if (own_usage) facts.usage = own_usage;
    facts.is_usage_chunk = own_usage && facts.cuts.size() == 1 && !facts.choices_missing && !facts.has_choices;
}

}  // namespace sluice::openai
