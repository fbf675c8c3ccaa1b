#include "providers/openai/chunk_reader.hpp"

namespace sluice::openai {
namespace {

/// Further members of a delta, or of a whole message, that a client can see.
bool is_rarer_content(JsonMember const& member) {
    // Spelled out, so that each comparison is one of lengths and a few bytes known in advance.
    return member.named("reasoning") || member.named("refusal") || member.named("reasoning_details") ||
           member.named("function_call") || member.named("audio") || member.named("images");
}

void read_rarer_content(JsonMember const& member, ChoiceFacts& choice) {
    auto const value = member.value;
    if (value.is(JsonType::string)) {
        choice.output_bytes += value.string().size();
        choice.has_other |= !value.string().empty();
    } else if (value.is(JsonType::array)) {
        choice.output_bytes += value.raw().size();
        choice.has_other |= !value.elements().empty();
    } else if (value.is(JsonType::object)) {
        choice.output_bytes += value["arguments"].string().size();
        choice.has_other |= !value.members().empty();
        choice.has_function_call |= member.named("function_call");
    }
}

void read_delta(JsonValue delta, ChoiceFacts& choice) {
    for (auto const& member : delta.members()) {
        if (member.named("content")) {
            choice.text = member.value.string();
            choice.output_bytes += choice.text.size();
            choice.has_content |= !choice.text.empty();
            choice.has_parts |= member.value.is(JsonType::array);
        } else if (member.named("tool_calls")) {
            if (member.value.elements().empty()) continue;
            choice.tool_calls = member.value;
            choice.has_other = true;
        } else if (member.named("reasoning_content") || is_rarer_content(member)) {
            read_rarer_content(member, choice);
            if (member.named("reasoning_content")) choice.thoughts = member.value.string();
            choice.has_foreign_reasoning |= member.named("reasoning") && member.value.is(JsonType::string);
        }
    }
}

/// Some repeat the whole message so far beside each delta; it counts, and the client does not see it.
void read_message(JsonValue message, ChoiceFacts& choice) {
    ChoiceFacts seen;
    read_delta(message, seen);
    choice.output_bytes += seen.output_bytes;
    choice.has_other |= seen.has_delta() || seen.has_parts;
}

/// Falsy values are no error for the SDKs either.
bool is_error(JsonValue value) {
    if (value.is(JsonType::string)) return !value.string().empty();
    if (value.is(JsonType::object)) return !value.members().empty();
    return value.is_true();
}

void take_usage(JsonMember const& member, ObjectEdits& edits, ChunkFacts& facts) {
    edits.take_out(member);
    facts.usage = member.value;
}

void read_choice(JsonValue value, ChunkFacts& facts) {
    auto& choice = facts.choices.emplace_back();
    choice.value = value;
    ObjectEdits edits(facts.edits);
    for (auto const& member : value.members()) {
        if (member.named("usage") && member.value.has_value()) {
            take_usage(member, edits, facts);
            continue;
        }
        if (member.named("message") && value["delta"]) {
            edits.take_out(member);
            read_message(member.value, choice);
            continue;
        }
        edits.keep(member);
        if (member.named("delta") || member.named("message")) {
            choice.delta = member.value;
            read_delta(member.value, choice);
        } else if (member.named("finish_reason")) {
            choice.finish_reason = member.value.string();
            choice.has_empty_finish = choice.finish_reason.empty() && member.value.is(JsonType::string);
        } else if (member.named("index")) {
            choice.index = member.value.integer().value_or(0);
        } else if (member.named("error") && is_error(member.value) && !facts.error) {
            facts.error = member.value;
        }
    }
    bool const failed = choice.finish_reason == "error" || choice.finish_reason == "insufficient_system_resource";
    if (failed && !facts.error) facts.error = value;
}

void read_choices(JsonValue choices, ChunkFacts& facts) {
    if (choices.is(JsonType::array)) facts.choices_missing = false;
    for (auto const choice : choices.elements()) read_choice(choice, facts);
    facts.has_choices = !facts.choices.empty();
}

/// An envelope around further usage; the name is the provider's, the rule is everybody's.
void read_extension(JsonValue extension, ChunkFacts& facts) {
    ObjectEdits edits(facts.edits);
    for (auto const& member : extension.members()) {
        if (member.named("usage") && member.value.has_value()) {
            take_usage(member, edits, facts);
        } else {
            edits.keep(member);
        }
    }
}

}  // namespace

void ChunkFacts::clear() {
    has_choices = is_usage_chunk = usage_at_top = false;
    choices_missing = true;
    choices.clear();
    error = id = model = created = padding = usage = {};
    edits.clear();
}

void read_chunk(JsonValue root, std::string_view object, ChunkFacts& facts) {
    facts.clear();
    JsonValue own_usage;
    ObjectEdits edits(facts.edits);
    for (auto const& member : root.members()) {
        if (member.named("usage") && member.value.has_value()) {
            take_usage(member, edits, facts);
            own_usage = member.value;
            continue;
        }
        if (member.named("object") && member.value.raw() != object) {
            edits.set_value(member, object);
            continue;
        }
        edits.keep(member);
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
        } else if (member.named("obfuscation")) {
            facts.padding = member.value;
        } else if (member.named("x_groq")) {
            read_extension(member.value, facts);
        }
    }
    if (own_usage) facts.usage = own_usage;
    facts.usage_at_top = static_cast<bool>(own_usage);
    facts.is_usage_chunk = own_usage && facts.edits.size() == 1 && !facts.choices_missing && !facts.has_choices;
}

}  // namespace sluice::openai
