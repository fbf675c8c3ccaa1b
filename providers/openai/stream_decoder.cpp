#include "providers/openai/stream_decoder.hpp"

#include <cassert>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json/json_index.hpp"
#include "core/json/json_string.hpp"
#include "core/stream/sse_parser.hpp"
#include "core/stream/sse_writer.hpp"
#include "core/stream/usage_tally.hpp"
#include "providers/openai/chunk_reader.hpp"
#include "providers/openai/empty_answer.hpp"
#include "providers/openai/errors.hpp"
#include "providers/openai/finished_choices.hpp"
#include "providers/openai/usage_chunk.hpp"
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

class Decoder final : public StreamDecoder {
public:
    Decoder(ChatRequest const& request, std::size_t max_event_size)
        : parser_(max_event_size),
          tally_(request.prompt_bytes),
          choices_(request.choices),
          wants_usage_(request.include_usage) {}

    void feed(string_view piece, StreamStep& step) override;
    void finish(StreamStep& step) override;
    Usage usage() const override { return tally_.usage(); }
    string_view reported_model() const override { return reported_model_; }
    string_view finish_reason() const override { return finish_reason_; }
    std::uint64_t delta_count() const override { return delta_count_; }

private:
    void begin(StreamStep& step);
    void take_all(StreamStep& step);
    void take(SseEvent const& event, StreamStep& step);
    void take_stray(string_view text, StreamStep& step);
    void take_chunk(SseEvent const& event, JsonValue chunk, StreamStep& step);
    void take_choices();
    void take_usage(SseEvent const& event);
    void relay(SseEvent const& event, StreamStep& step);
    string_view written_anew(SseEvent const& event);
    void end(StreamStep& step);

    SseParser parser_;
    UsageTally tally_;
    UsageChunk usage_chunk_;
    FinishedChoices choices_;
    std::vector<SseEvent> events_;
    ChunkFacts facts_;     // of the current event
    std::string written_;  // events written anew; never grows while a step holds views of it
    std::string cut_data_;
    std::string reported_model_;
    std::string finish_reason_;
    std::uint64_t delta_count_ = 0;
    bool committed_ = false;
    bool wants_usage_;
};

/// Shared by all streams of a worker: nothing in it outlives a call.
JsonIndex& index_of_thread() {
    thread_local JsonIndex index;
    return index;
}

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
    events_.clear();
    written_.clear();
}

void Decoder::feed(string_view piece, StreamStep& step) {
    begin(step);
    auto const parsed = parser_.feed(piece, events_);
    take_all(step);
    if (!parsed && !step.ended && !step.error) step.error = parsed.error();
    step.committed = committed_;
}

void Decoder::finish(StreamStep& step) {
    begin(step);
    parser_.finish(events_);
    take_all(step);
    bool const cut = step.error && step.error->kind == ErrorKind::upstream_invalid_response;
    if (!step.ended && !step.error && choices_.all()) end(step);
    if (cut || (!step.ended && !step.error)) {
        bool const empty = !cut && !committed_ && !choices_.any();
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
    std::size_t size = 0;
    for (auto const& event : events_) size += is_in_place(event) ? 0 : event_size(event.data);
    written_.reserve(size);
    for (auto const& event : events_) {
        take(event, step);
        if (step.ended || step.error) break;
    }
}

void Decoder::take(SseEvent const& event, StreamStep& step) {
    if (!event.stray.empty()) take_stray(event.stray, step);
    if (step.error) return;
    auto const data = trimmed(event.data);
    bool const is_error = event.type == "error";
    if (data.empty() && !is_error) return;
    if (data.starts_with("[DONE]")) return end(step);
    auto const chunk = index_of_thread().read(event.data, chunk_limits);
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
    read_chunk(chunk, facts_);
    if (facts_.error) {
        step.error = error_in_body(read_error_value(facts_.error));
        return;
    }
    if (facts_.choices_missing && !facts_.usage && chunk["object"].string() == "error") {
        step.error = error_in_body(read_error_value(chunk));
        return;
    }
    usage_chunk_.learn(facts_.id, facts_.created, facts_.model);
    if (reported_model_.empty()) reported_model_ = facts_.model.unescaped();
    take_choices();
    if (facts_.usage) take_usage(event);
    if (facts_.usage && !facts_.has_choices) return;
    relay(event, step);
}

void Decoder::take_choices() {
    bool delta = false;
    for (auto const& choice : facts_.choices) {
        choices_.see(choice.index, !choice.finish_reason.empty());
        tally_.add_output(choice.output_bytes);
        delta |= choice.has_delta;
        if (choice.index == 0 && !choice.finish_reason.empty()) finish_reason_ = unescaped(choice.finish_reason);
    }
    if (delta) ++delta_count_;
    committed_ |= delta;
}

void Decoder::take_usage(SseEvent const& event) {
    auto const usage = read_usage(facts_.usage);
    if (!usage) return;
    tally_.report(*usage);
    if (!wants_usage_) return;
    if (!facts_.is_usage_chunk) return usage_chunk_.keep_object(facts_.usage);
    if (!event.raw.empty()) return usage_chunk_.keep_event(event.raw);
    cut_data_.clear();
    append_event(cut_data_, event.data);
    usage_chunk_.keep_event(cut_data_);
}

void Decoder::relay(SseEvent const& event, StreamStep& step) {
    bool const whole = facts_.cuts.empty() && !event.raw.empty();
    if (!whole && !is_in_place(event)) return append_to(step.relay, written_anew(event));
    auto const shift = facts_.cuts.empty() ? 0 : static_cast<std::size_t>(event.data.data() - event.raw.data());
    std::size_t at = 0;
    for (auto const cut : facts_.cuts) {
        append_to(step.relay, event.raw.substr(at, shift + cut.begin - at));
        at = shift + cut.end;
    }
    append_to(step.relay, event.raw.substr(at));
}

string_view Decoder::written_anew(SseEvent const& event) {
    cut_data_.clear();
    std::size_t at = 0;
    for (auto const cut : facts_.cuts) {
        cut_data_ += event.data.substr(at, cut.begin - at);
        at = cut.end;
    }
    cut_data_ += event.data.substr(at);
    assert(written_.capacity() - written_.size() >= event_size(cut_data_));  // else views of it would dangle
    auto const begin = written_.size();
    append_event(written_, cut_data_);
    return string_view(written_).substr(begin);
}

/// The provider says that it is done.
void Decoder::end(StreamStep& step) {
    if (!committed_ && is_unexplained(finish_reason_, tally_.usage())) {
        step.error = Error{.kind = ErrorKind::upstream_empty_answer, .detail = "the stream ended without any content"};
        return;
    }
    committed_ = true;
    if (wants_usage_) append_to(step.relay, usage_chunk_.event(tally_.usage()));
    append_to(step.relay, done_event);
    step.ended = true;
}

}  // namespace

std::unique_ptr<StreamDecoder> make_stream_decoder(ChatRequest const& request, std::size_t max_event_size) {
    return std::make_unique<Decoder>(request, max_event_size);
}

}  // namespace sluice::openai
