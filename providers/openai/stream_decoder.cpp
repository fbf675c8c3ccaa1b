#include "providers/openai/stream_decoder.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json/json_index.hpp"
#include "core/json/json_string.hpp"
#include "core/stream/sse_parser.hpp"
#include "core/stream/sse_writer.hpp"
#include "core/stream/usage_tally.hpp"
#include "providers/openai/alike_chunks.hpp"
#include "providers/openai/choice_states.hpp"
#include "providers/openai/chunk_reader.hpp"
#include "providers/openai/empty_answer.hpp"
#include "providers/openai/errors.hpp"
#include "providers/openai/kept_text.hpp"
#include "providers/openai/mending.hpp"
#include "providers/openai/own_chunks.hpp"
#include "providers/openai/step_text.hpp"
#include "providers/openai/usage_reader.hpp"

namespace sluice::openai {
namespace {

using std::string_view;

constexpr JsonLimits chunk_limits{.surrogates = Surrogates::any};

string_view trimmed(string_view text) {
    constexpr string_view space = " \t\r\n";
    auto const first = text.find_first_not_of(space);
    return first == string_view::npos ? string_view{} : text.substr(first, text.find_last_not_of(space) - first + 1);
}

Error invalid(std::string detail) {
    return {.kind = ErrorKind::upstream_invalid_response, .detail = std::move(detail)};
}

/// Shared by all streams of a worker: nothing in it outlives a call.
struct Scratch {
    JsonIndex index;
    std::vector<SseEvent> events;
    ChunkFacts facts;  // of the current event
    std::string data;
    std::string event;

    /// `data` as an event.
    string_view as_event() {
        event.clear();
        append_event(event, data);
        return event;
    }

    /// After a piece with more than usual.
    void give_back() {
        constexpr std::size_t usual = 64 * 1024;
        index.shrink_to(usual);
        if (events.capacity() > usual / sizeof(SseEvent)) events = {};
        if (facts.choices.capacity() > usual / sizeof(ChoiceFacts)) facts = {};
        if (data.capacity() > usual) data = {};
        if (event.capacity() > usual) event = {};
    }
};

Scratch& scratch_of_thread() {
    thread_local Scratch scratch;
    return scratch;
}

class Decoder final : public StreamDecoder {
public:
    Decoder(ChatRequest const& request, std::size_t max_event_size, ReasoningTags const* tags)
        : parser_(max_event_size),
          tally_(request.prompt_bytes),
          choices_(request.choices, tags),
          prompt_bytes_(request.prompt_bytes),
          wants_usage_(request.include_usage) {}

    void feed(string_view piece, StreamStep& step) override;
    void finish(StreamStep& step) override;
    Usage usage() const override { return tally_.usage(); }
    string_view reported_model() const override { return reported_model_; }
    string_view finish_reason() const override { return finish_reason_; }
    std::uint64_t text_bytes() const override { return tally_.output_bytes(); }
    std::uint64_t delta_count() const override { return delta_count_; }
    std::optional<Continuation> continuation() const override {
        return kept_ && finish_reason_.empty() ? kept_->continuation(tally_.usage()) : std::nullopt;
    }
    void keep_text(ChatRequest const& request) { kept_ = std::make_unique<KeptText>(request); }

private:
    void begin(StreamStep& step);
    void read(string_view bytes, StreamStep& step);
    std::size_t take_alike(string_view bytes, StreamStep& step);
    void take_all(StreamStep& step);
    void take(SseEvent const& event, StreamStep& step);
    void take_stray(string_view text, StreamStep& step);
    void take_chunk(SseEvent const& event, JsonValue chunk, StreamStep& step);
    void take_choices();
    void learn_alike(SseEvent const& event);
    void mend(ChoiceFacts& choice, ChoiceState& state);
    void take_usage(SseEvent const& event);
    void relay(SseEvent const& event, StreamStep& step);
    string_view written_anew(SseEvent const& event);
    void end(StreamStep& step);
    void end_choices(StreamStep& step);

    SseParser parser_;
    UsageTally tally_;
    OwnChunks own_chunks_;
    ChoiceStates choices_;
    AlikeChunks alike_;
    bool alike_is_text_ = false;  // else it is thoughts
    Scratch& scratch_ = scratch_of_thread();
    StepText written_;                // what the current step relays beside bytes of its piece
    std::unique_ptr<KeptText> kept_;  // null: nobody would go on with the text
    std::string reported_model_;
    std::string finish_reason_;
    std::uint64_t delta_count_ = 0;
    std::uint64_t prompt_bytes_;
    std::uint64_t seed_ = 0;  // of ids that we make up; 0: none yet
    bool committed_ = false;
    bool wants_usage_;
};

void append_to(std::vector<string_view>& relay, string_view bytes) {
    if (bytes.empty()) return;
    if (!relay.empty() && relay.back().data() + relay.back().size() == bytes.data()) {
        relay.back() = {relay.back().data(), relay.back().size() + bytes.size()};
    } else {
        relay.push_back(bytes);
    }
}

void Decoder::begin(StreamStep& step) {
    step.clear();
    written_.clear();
}

bool is_over(StreamStep const& step) { return step.ended || step.error; }

/// What `bytes` begin with, up to the first end of an event as most streams have it.
string_view through_event_end(string_view bytes) {
    auto const end = bytes.find("\n\n");
    return end == string_view::npos ? bytes : bytes.substr(0, end + 2);
}

void Decoder::feed(string_view piece, StreamStep& step) {
    begin(step);
    parser_.forget();
    if (!parser_.is_between_events()) {
        auto const rest_of_event = through_event_end(piece);
        read(rest_of_event, step);
        piece.remove_prefix(rest_of_event.size());
    }
    if (!is_over(step)) piece.remove_prefix(take_alike(piece, step));
    if (!is_over(step) && !piece.empty()) read(piece, step);
    step.committed = committed_;
}

void Decoder::read(string_view bytes, StreamStep& step) {
    scratch_.events.clear();
    auto const parsed = parser_.feed_on(bytes, scratch_.events);
    take_all(step);
    if (!parsed && !is_over(step)) step.error = parsed.error();
    scratch_.give_back();
}

/// Takes the events at the front that are like one before, and says how many bytes they have.
std::size_t Decoder::take_alike(string_view bytes, StreamStep& step) {
    std::size_t taken = 0;
    while (auto const chunk = alike_.match(bytes.substr(taken))) {
        if (chunk->size > parser_.max_event_size()) break;
        tally_.add_output(chunk->text.size());
        ++delta_count_;
        if (kept_ && alike_is_text_) kept_->take_alike(chunk->text);
        taken += chunk->size;
    }
    append_to(step.relay, bytes.substr(0, taken));
    return taken;
}

void Decoder::finish(StreamStep& step) {
    begin(step);
    scratch_.events.clear();
    parser_.finish(scratch_.events);
    take_all(step);
    bool const cut = step.error && step.error->kind == ErrorKind::upstream_invalid_response;
    if (!step.ended && !step.error && choices_.all_finished()) end(step);
    if (cut || (!step.ended && !step.error)) {
        bool const empty = !cut && !committed_ && !choices_.any_finished();
        step.error =
            Error{.kind = empty ? ErrorKind::upstream_empty_answer : ErrorKind::stream_interrupted,
                  .detail = cut ? "the stream ended inside an event" : "the stream ended without its end marker"};
    }
    step.committed = committed_;
}

/// Whether the event's data is a part of its raw form, so that offsets in the one mean something in the other.
bool is_in_place(SseEvent const& event) {
    auto const* const data = event.data.data();
    return data >= event.raw.data() && data < event.raw.data() + event.raw.size();
}

void Decoder::take_all(StreamStep& step) {
    for (auto const& event : scratch_.events) {
        take(event, step);
        if (is_over(step)) break;
    }
}

void Decoder::take(SseEvent const& event, StreamStep& step) {
    if (!event.stray.empty()) take_stray(event.stray, step);
    if (step.error) return;
    auto const data = trimmed(event.data);
    bool const is_error = event.type == "error";
    if (data.empty() && !is_error) return;
    if (data.starts_with("[DONE]")) return end(step);
    auto const chunk = scratch_.index.read(event.data, chunk_limits);
    if (is_error) {
        auto body = chunk ? read_error_body(*chunk) : std::nullopt;
        if (!body) body.emplace().message = data;
        step.error = error_in_body(std::move(*body));
    } else if (!chunk) {
        step.error = invalid("an event is no JSON: " + std::string(chunk.error().problem));
    } else if (!chunk->is(JsonType::object)) {
        step.error = invalid("an event is no JSON object");
    } else {
        take_chunk(event, *chunk, step);
    }
}

/// A line, or the rest of the stream, that is JSON without a `data:` before it: an error, if it is anything.
void Decoder::take_stray(string_view text, StreamStep& step) {
    for (auto const candidate : {text.substr(0, text.find_first_of("\r\n")), text}) {
        auto const body = parse_error_body(candidate);
        if (!body) continue;
        step.error = error_in_body(*body);
        return;
    }
}

void Decoder::take_chunk(SseEvent const& event, JsonValue chunk, StreamStep& step) {
    auto& facts = scratch_.facts;
    read_chunk(chunk, chunk_object, facts);
    if (facts.error) {
        step.error = error_in_body(read_error_value(facts.error));
        return;
    }
    if (facts.choices_missing && !facts.usage && chunk["object"].string() == "error") {
        step.error = error_in_body(read_error_value(chunk));
        return;
    }
    own_chunks_.learn(facts.id, facts.created, facts.model);
    if (reported_model_.empty()) reported_model_ = facts.model.unescaped();
    take_choices();
    if (kept_) kept_->take(chunk, facts);
    if (facts.usage) take_usage(event);
    if (facts.usage && !facts.has_choices) return;
    learn_alike(event);
    relay(event, step);
}

/// Remembers a chunk that only adds to the text, or to the thoughts, of a choice which wants no mending.
void Decoder::learn_alike(SseEvent const& event) {
    auto const& facts = scratch_.facts;
    if (facts.choices.size() != 1 || facts.usage || !facts.edits.empty()) return;
    if (event.raw.empty() || !is_in_place(event)) return;
    auto const& choice = facts.choices.front();
    auto const added = choice.has_content ? choice.text : choice.thoughts;
    bool const nothing_else = choice.output_bytes == added.size() && !(choice.has_content && choice.has_other);
    if (added.empty() || !nothing_else || choice.asks_for_mending()) return;
    auto const* const state = choices_.of(choice.index);
    if (state == nullptr || (state->splitter && !state->splitter->done())) return;
    alike_.learn(event.raw, added, facts.padding.string());
    alike_is_text_ = choice.has_content;
}

void Decoder::take_choices() {
    auto& facts = scratch_.facts;
    bool delta = false;
    auto const edits = facts.edits.size();
    for (auto& choice : facts.choices) {
        auto* const state = choices_.of(choice.index);
        if (state != nullptr) mend(choice, *state);
        tally_.add_output(choice.output_bytes);
        delta |= choice.has_delta();
        if (choice.index == 0 && !choice.finish_reason.empty()) finish_reason_ = unescaped(choice.finish_reason);
    }
    if (facts.edits.size() != edits) sort_edits(facts.edits);
    if (delta) ++delta_count_;
    committed_ |= delta;
}

void Decoder::mend(ChoiceFacts& choice, ChoiceState& state) {
    if (choice.asks_for_mending() || (state.splitter && !state.splitter->done())) {
        if (choice.has_tool_calls() && seed_ == 0) seed_ = own_chunks_.seed() + prompt_bytes_;
        mend_chunk_choice(choice, state, seed_, {scratch_.facts.edits, written_});
    }
    state.had_delta |= choice.has_delta();
    state.finished |= !choice.finish_reason.empty();
}

void Decoder::take_usage(SseEvent const& event) {
    auto const& facts = scratch_.facts;
    auto const read = read_usage(facts.usage);
    if (!read) return;
    tally_.report(read->usage);
    if (!wants_usage_) return;
    auto const object = facts.usage.raw();
    bool const is_right = read->is_openais;
    if (is_right && facts.is_usage_chunk && !event.raw.empty()) return own_chunks_.keep_usage_event(event.raw);
    auto const shown = is_right ? std::string(object) : corrected_usage(facts.usage, read->usage);
    if (!facts.is_usage_chunk) return own_chunks_.keep_usage(shown);
    scratch_.data = event.data;
    scratch_.data.replace(facts.usage.offset(), object.size(), shown);
    own_chunks_.keep_usage_event(scratch_.as_event());
}

void Decoder::relay(SseEvent const& event, StreamStep& step) {
    auto const& facts = scratch_.facts;
    bool const whole = facts.edits.empty() && !event.raw.empty();
    if (!whole && !is_in_place(event)) return append_to(step.relay, written_anew(event));
    auto const shift = facts.edits.empty() ? 0 : static_cast<std::size_t>(event.data.data() - event.raw.data());
    std::size_t at = 0;
    for (auto const& edit : facts.edits) {
        append_to(step.relay, event.raw.substr(at, shift + edit.begin - at));
        append_to(step.relay, edit.text);
        at = shift + edit.end;
    }
    append_to(step.relay, event.raw.substr(at));
}

string_view Decoder::written_anew(SseEvent const& event) {
    auto& data = scratch_.data;
    data.clear();
    std::size_t at = 0;
    for (auto const& edit : scratch_.facts.edits) {
        data.append(event.data.substr(at, edit.begin - at)).append(edit.text);
        at = edit.end;
    }
    data += event.data.substr(at);
    return written_.keep({scratch_.as_event()});
}

/// The provider says that it is done.
void Decoder::end(StreamStep& step) {
    end_choices(step);
    if (!committed_ && is_unexplained(finish_reason_, tally_.usage())) {
        step.error = Error{.kind = ErrorKind::upstream_empty_answer, .detail = "the stream ended without any content"};
        return;
    }
    committed_ = true;
    if (wants_usage_) append_to(step.relay, own_chunks_.usage_event(tally_.usage()));
    append_to(step.relay, done_event);
    step.ended = true;
}

/// Those that said something and then just stopped. What their splitters still hold belongs to them.
void Decoder::end_choices(StreamStep& step) {
    std::string choices;
    for (auto& state : choices_.all()) {
        if (state.finished) continue;
        SplitText rest;
        if (state.splitter) state.splitter->finish(rest);
        bool const has_rest = !rest.content.empty() || !rest.reasoning.empty();
        if (!state.had_delta && !has_rest) continue;
        if (has_rest) ++delta_count_;
        committed_ |= has_rest;
        auto const reason = finish_reason_for("stop", state.calls_sent());
        if (state.index == 0) finish_reason_ = reason;
        choices += choices.empty() ? "[" : ",";
        choices += R"({"index":)" + std::to_string(state.index) + R"(,"delta":{)";
        if (!rest.reasoning.empty()) choices += R"("reasoning_content":")" + rest.reasoning + '"';
        if (!rest.content.empty()) choices += R"("content":")" + rest.content + '"';
        choices.append(R"(},"finish_reason":")").append(reason).append("\"}");
    }
    if (!choices.empty()) append_to(step.relay, own_chunks_.event_with(choices + "]"));
}

}  // namespace

std::unique_ptr<StreamDecoder> make_stream_decoder(ChatRequest const& request, std::size_t max_event_size,
                                                   ReasoningTags const* tags, DecoderOptions const& options) {
    auto decoder = std::make_unique<Decoder>(request, max_event_size, tags);
    if (options.keep_text) decoder->keep_text(request);
    return decoder;
}

}  // namespace sluice::openai
