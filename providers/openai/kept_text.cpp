#include "providers/openai/kept_text.hpp"

#include <algorithm>

#include "providers/openai/continuation.hpp"

namespace sluice::openai {
namespace {

void learn(std::string& known, JsonValue value) {
    if (known.empty() && !value.string().empty()) known = value.raw();
}

bool is_empty(JsonValue value) {
    if (value.is(JsonType::string)) return value.string().empty();
    if (value.is(JsonType::array)) return value.elements().empty();
    if (value.is(JsonType::object)) return value.members().empty();
    return !value.has_value();
}

bool is_blank(std::string const& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; }

}  // namespace

DeltaPart part_of(JsonMember const& member) {
    if (member.named("role") || is_empty(member.value)) return DeltaPart::nothing;
    if (member.named("content")) return DeltaPart::text;
    bool const reasoning =
        member.named("reasoning_content") || member.named("reasoning") || member.named("reasoning_details");
    return reasoning ? DeltaPart::reasoning : DeltaPart::other;
}

void KeptText::take(JsonValue chunk, ChunkFacts const& facts) {
    learn(chunk_.id, facts.id);
    learn(chunk_.model, facts.model);
    if (chunk_.created.empty() && facts.created.integer().value_or(0) > 0) chunk_.created = facts.created.raw();
    if (unsafe_) return;
    if (text_.empty()) learn(chunk_.fingerprint, chunk["system_fingerprint"]);
    for (auto const& choice : facts.choices) take_choice(choice);
}

void KeptText::take_choice(ChoiceFacts const& choice) {
    bool thinks = choice.has_other && choice.has_content;  // what was one text may have been split
    unsafe_ |= choice.index != 0 || !choice.finish_reason.empty() || choice.value["logprobs"].has_value();
    for (auto const& member : choice.delta.members()) {
        auto const part = part_of(member);
        unsafe_ |= part == DeltaPart::other;
        thinks |= part == DeltaPart::reasoning;
    }
    // Thoughts come before the text, also where one delta has both.
    unsafe_ |= thinks && !text_.empty();
    text_.append(choice.text);
}

std::optional<Continuation> KeptText::continuation(Usage const& usage) const {
    if (unsafe_ || text_.empty()) return std::nullopt;
    auto text = text_.whole();
    if (!text || is_blank(*text) || !may_continue(*request_)) return std::nullopt;
    auto continuation = chunk_;
    continuation.text = *std::move(text);
    continuation.usage = usage;
    return continuation;
}

}  // namespace sluice::openai
