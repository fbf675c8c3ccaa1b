#include "providers/openai/mending.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::openai {
namespace {

using std::string_view;

/// A choice of a chunk adds to what came before; a whole message says everything.
enum class Form : unsigned char { chunk, whole };

/// Content as a list of parts; nothing when one of them is neither text nor thought.
std::optional<SplitText> read_parts(JsonValue parts) {
    SplitText split;
    for (auto const part : parts.elements()) {
        auto const type = part["type"].string();
        if (type == "text") {
            split.content += part["text"].string();
        } else if (type == "thinking") {
            auto const thinking = part["thinking"];
            split.reasoning += thinking.string();
            for (auto const piece : thinking.elements()) split.reasoning += piece["text"].string();
        } else {
            return std::nullopt;
        }
    }
    return split;
}

/// The members that take the place of `content`.
string_view as_members(SplitText const& split, Form form, StepText& texts) {
    constexpr string_view reasoning = R"("reasoning_content":")";
    constexpr string_view content = R"("content":")";
    if (split.reasoning.empty()) return texts.keep({content, split.content, "\""});
    if (split.content.empty() && form == Form::chunk) return texts.keep({reasoning, split.reasoning, "\""});
    return texts.keep({reasoning, split.reasoning, "\",", content, split.content, "\""});
}

/// Where the reasoning of a delta or a message is taken from.
enum class Source : unsigned char { none, reasoning_content, reasoning, content };

Source source_of(JsonValue delta, std::optional<SplitText> const& split, ChoiceFacts const& choice) {
    if (!delta["reasoning_content"].string().empty()) return Source::reasoning_content;
    if (choice.has_foreign_reasoning && !delta["reasoning"].string().empty()) return Source::reasoning;
    if (split && !split->reasoning.empty()) return Source::content;
    if (delta["reasoning_content"]) return Source::reasoning_content;
    return choice.has_foreign_reasoning ? Source::reasoning : Source::none;
}

/// Edits a delta or a message. `split`: what its content becomes, if that changes.
template <class MendCalls>
void mend_message(ChoiceFacts& choice, std::optional<SplitText> const& split, Form form, EditSink sink,
                  MendCalls mend_calls) {
    if (!split && !choice.has_foreign_reasoning) {
        if (choice.has_tool_calls()) choice.output_bytes += mend_calls(choice.tool_calls);
        return;
    }
    auto const source = source_of(choice.delta, split, choice);
    ObjectEdits edits(sink.edits);
    bool has_content = false;
    for (auto const& member : choice.delta.members()) {
        if (member.named("content") && split) {
            auto shown = *split;
            if (source != Source::content) shown.reasoning.clear();
            edits.replace(member, as_members(shown, form, sink.texts));
            has_content = true;
        } else if (member.named("reasoning_content") && source != Source::reasoning_content) {
            edits.take_out(member);
        } else if (member.named("reasoning") && member.value.is(JsonType::string)) {
            if (source == Source::reasoning) {
                edits.rename(member, R"("reasoning_content")");
            } else {
                edits.take_out(member);
                choice.output_bytes -= std::min<std::uint64_t>(choice.output_bytes, member.value.string().size());
            }
        } else {
            edits.keep(member);
            if (member.named("tool_calls")) choice.output_bytes += mend_calls(member.value);
        }
    }
    if (!split || has_content) return;
    edits.add_in_front(choice.delta,
                       sink.texts.keep({as_members(*split, form, sink.texts), edits.any_kept() ? "," : ""}));
}

/// A choice that ends without a delta has no place for what its splitter held back; this makes one.
void add_delta(ChoiceFacts const& choice, SplitText const& split, EditSink sink) {
    auto const members = as_members(split, Form::chunk, sink.texts);
    if (auto const null = choice.value["delta"]) {
        sink.edits.push_back({null.offset(), end_of(null), sink.texts.keep({"{", members, "}"})});
        return;
    }
    auto const at = choice.value.offset() + 1;
    sink.edits.push_back({at, at, sink.texts.keep({R"("delta":{)", members, "},"})});
}

void mend_finish(ChoiceFacts& choice, CallsSent calls, Form form, EditSink sink) {
    auto const ours = finish_reason_for(choice.finish_reason.empty() ? "stop" : choice.finish_reason, calls);
    if (ours == choice.finish_reason) return;
    auto const value = choice.value["finish_reason"];
    if (choice.finish_reason.empty()) {
        if (form == Form::chunk) {
            sink.edits.push_back({value.offset(), end_of(value), "null"});
            return;
        }
        choice.finish_reason = ours;
        if (value) {
            sink.edits.push_back({value.offset(), end_of(value), sink.texts.keep({"\"", ours, "\""})});
        } else if (!choice.value.members().empty()) {
            auto const at = choice.value.offset() + 1;
            sink.edits.push_back({at, at, sink.texts.keep({R"("finish_reason":")", ours, "\","})});
        }
        return;
    }
    bool const has_native = static_cast<bool>(choice.value["native_finish_reason"]);
    auto const native = has_native ? string_view{} : sink.texts.keep({R"(,"native_finish_reason":)", value.raw()});
    sink.edits.push_back({value.offset(), end_of(value), sink.texts.keep({"\"", ours, "\"", native})});
    choice.finish_reason = ours;
}

/// What the content of a chunk becomes, if it changes.
std::optional<SplitText> split_chunk(ChoiceFacts& choice, ChoiceState& state) {
    if (choice.has_parts) return read_parts(choice.delta["content"]);
    if (!state.splitter || state.splitter->done()) return std::nullopt;
    auto const content = choice.delta["content"];
    if (!choice.delta["reasoning_content"].string().empty() || !choice.delta["reasoning"].string().empty()) {
        state.splitter->give_up();
    }
    bool const is_last = !choice.finish_reason.empty();
    if (!is_last && content.string().empty()) return std::nullopt;
    SplitText split;
    state.splitter->feed(content.string(), split);
    if (is_last) state.splitter->finish(split);
    bool const unchanged = split.reasoning.empty() && split.content == content.string();
    return unchanged ? std::nullopt : std::optional(std::move(split));
}

/// Apart for each choice, by more than the calls that one may have.
std::uint64_t seed_of(std::uint64_t stream, std::int64_t choice) {
    return stream + (static_cast<std::uint64_t>(choice) << 16U);
}

/// Says what the client sees of the text.
void count(ChoiceFacts& choice, SplitText const& split) {
    if (choice.has_parts) choice.output_bytes += split.content.size() + split.reasoning.size();
    choice.has_content = !split.content.empty();
    choice.has_other |= !split.reasoning.empty();
}

}  // namespace

ReasoningTags const* reasoning_tags_of(ProviderSettings const& provider, string_view target_model) {
    for (auto const& tags : provider.reasoning_tags) {
        if (!tags.close.empty() && matches_model(tags.models, target_model)) return &tags;
    }
    return nullptr;
}

void mend_chunk_choice(ChoiceFacts& choice, ChoiceState& state, std::uint64_t seed, EditSink sink) {
    auto const split = split_chunk(choice, state);
    if (split) count(choice, *split);
    if (split) choice.text = sink.texts.keep({split->content});
    if (choice.has_parts && !split) {
        choice.output_bytes += choice.delta["content"].raw().size();
        choice.has_other |= !choice.delta["content"].elements().empty();
    }
    state.had_function_call |= choice.has_function_call;
    if (split && !choice.delta.is(JsonType::object)) {
        if (choice.has_delta()) add_delta(choice, *split, sink);
    } else {
        mend_message(choice, split, Form::chunk, sink, [&state, seed, sink](JsonValue calls) {
            return state.calls.mend(calls, seed_of(seed, state.index), sink);
        });
    }
    if (choice.has_empty_finish || !choice.finish_reason.empty()) {
        mend_finish(choice, state.calls_sent(), Form::chunk, sink);
    }
}

void mend_whole_choice(ChoiceFacts& choice, ReasoningTags const* tags, std::uint64_t seed, EditSink sink) {
    std::optional<SplitText> split;
    if (choice.has_parts) {
        auto const parts = choice.delta["content"];
        split = read_parts(parts);
        if (!split) choice.has_other |= !parts.elements().empty();
    } else if (tags != nullptr && choice.has_content && choice.delta["reasoning"].string().empty() &&
               choice.delta["reasoning_content"].string().empty()) {
        TagSplitter splitter(*tags);
        SplitText text;
        splitter.feed(choice.delta["content"].string(), text);
        splitter.finish(text);
        // Without any mark it thought to the very end, or not at all.
        if (splitter.met_a_mark() || (tags->starts_open && choice.finish_reason == "length")) split = std::move(text);
    }
    if (split) count(choice, *split);
    mend_message(choice, split, Form::whole, sink, [seed, sink, &choice](JsonValue calls) {
        return mend_whole_calls(calls, seed_of(seed, choice.index), sink);
    });
    auto const calls = choice.has_tool_calls()    ? CallsSent::tool_calls
                       : choice.has_function_call ? CallsSent::function_call
                                                  : CallsSent::none;
    if (!choice.finish_reason.empty() || choice.has_delta()) mend_finish(choice, calls, Form::whole, sink);
}

void sort_edits(std::vector<TextEdit>& edits) {
    std::sort(edits.begin(), edits.end(), [](TextEdit const& a, TextEdit const& b) {
        return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
}

}  // namespace sluice::openai
