#include "providers/openai/continued_decoder.hpp"

#include <algorithm>
#include <cstdint>
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
#include "providers/openai/kept_text.hpp"
#include "providers/openai/raw_text.hpp"
#include "providers/openai/seam.hpp"
#include "providers/openai/stream_decoder.hpp"
#include "providers/openai/usage_reader.hpp"

namespace sluice::openai {
namespace {

using std::string_view;

constexpr std::size_t readable_behind = 64;  ///< simdjson reads ahead

/// What the target was sent: its prompt ends with the text.
ChatRequest as_sent(ChatRequest const& request, Continuation const& continued) {
    auto sent = request;
    sent.prompt_bytes += continued.text.size();
    sent.include_usage = false;
    return sent;
}

string_view inside(string_view quoted) { return quoted.substr(1, quoted.size() - 2); }

/// Everything before the choices.
std::string head_of(Continuation const& first) {
    auto const or_else = [](std::string const& text, string_view other) {
        return text.empty() ? std::string(other) : text;
    };
    std::string head = R"({"id":)" + or_else(first.id, R"("")") + R"(,"object":"chat.completion.chunk","created":)" +
                       or_else(first.created, "0") + R"(,"model":)" + or_else(first.model, R"("")");
    if (!first.fingerprint.empty()) head += R"(,"system_fingerprint":)" + first.fingerprint;
    return head;
}

/// Around an ordinary decoder, whose clean events it reads once more. That costs little, and only after a failure.
class ContinuedDecoder final : public StreamDecoder {
public:
    ContinuedDecoder(ChatRequest const& request, std::size_t max_event_size, ReasoningTags const* tags,
                     Continuation const& continued)
        : inner_(make_stream_decoder(as_sent(request, continued), max_event_size, tags)),
          continued_(continued),
          seam_(continued.text),
          head_(head_of(continued)),
          wants_usage_(request.include_usage) {
        kept_.append(inside(json_quoted(continued.text)));
    }

    void feed(string_view piece, StreamStep& step) override {
        inner_->feed(piece, theirs_);
        take_all(step);
    }
    void finish(StreamStep& step) override {
        inner_->finish(theirs_);
        take_all(step);
    }
    Usage usage() const override { return inner_->usage(); }
    string_view reported_model() const override { return inner_->reported_model(); }
    string_view finish_reason() const override { return inner_->finish_reason(); }
    std::uint64_t text_bytes() const override { return inner_->text_bytes(); }
    std::uint64_t delta_count() const override { return inner_->delta_count(); }
    std::optional<Continuation> continuation() const override;

private:
    void take_all(StreamStep& step);
    void take(SseEvent const& event, StreamStep& step);
    void take_choice(JsonValue choice);
    void take_text(string_view raw);
    void join();
    void write_text(string_view raw);
    void write(string_view choices) { append_event(written_, head_ + R"(,"choices":)" + std::string(choices) + "}"); }
    void end(StreamStep& step);
    /// What came can't follow a text, here or from another target.
    void refuse(string_view why);
    Usage usage_of_both() const;

    std::unique_ptr<StreamDecoder> inner_;
    Continuation const& continued_;
    Seam seam_;
    RawText kept_;      ///< all that the client has seen
    std::string half_;  ///< the first half of a surrogate pair, while the seam is open
    std::string head_;  ///< of each chunk
    std::string theirs_joined_;
    std::string written_;  ///< events of the current step
    std::vector<SseEvent> events_;
    StreamStep theirs_;
    SseParser parser_{static_cast<std::size_t>(-1)};  ///< of events that passed the limit already
    JsonIndex index_;
    std::optional<Error> error_;
    bool wants_usage_;
    bool finished_ = false;  ///< the client has a finish reason
    bool joined_ = false;    ///< the seam is behind us
    bool unsafe_ = false;    ///< it can't be gone on with
};

void ContinuedDecoder::take_all(StreamStep& step) {
    step.clear();
    written_.clear();
    theirs_joined_.clear();
    events_.clear();
    std::size_t size = 0;
    for (auto const bytes : theirs_.relay) size += bytes.size();
    theirs_joined_.reserve(size + readable_behind);
    for (auto const bytes : theirs_.relay) theirs_joined_ += bytes;
    // Whole events without a limit: this does not fail.
    if (auto const parsed = parser_.feed(theirs_joined_, events_); !parsed) error_ = parsed.error();
    for (auto const& event : events_) {
        if (!error_ && !step.ended) take(event, step);
    }
    step.committed = theirs_.committed;
    step.error = error_ ? std::exchange(error_, std::nullopt) : std::move(theirs_.error);
    if (step.error) step.ended = false;
    if (!written_.empty()) step.relay.push_back(written_);
}

void ContinuedDecoder::take(SseEvent const& event, StreamStep& step) {
    if (event.data == "[DONE]") return end(step);
    auto const chunk = index_.read(event.data, {.surrogates = Surrogates::any});
    if (!chunk) return;  // the inner decoder has read it
    for (auto const choice : (*chunk)["choices"].elements()) take_choice(choice);
}

void ContinuedDecoder::take_choice(JsonValue choice) {
    if (choice["index"].integer().value_or(0) != 0) return refuse("it has a second choice");
    auto const delta = choice["delta"].has_value() ? choice["delta"] : choice["message"];
    for (auto const& member : delta.members()) {
        switch (part_of(member)) {
            case DeltaPart::nothing:
            case DeltaPart::reasoning:  // that the client has from the first target; the answer goes on without
                break;
            case DeltaPart::text:
                if (!member.value.is(JsonType::string)) return refuse("its content is no text");
                take_text(member.value.string());
                break;
            case DeltaPart::other:
                return refuse("it is more than text");
        }
    }
    auto const reason = choice["finish_reason"];
    if (error_ || reason.string().empty() || finished_) return;
    if (reason.string() == "tool_calls" || reason.string() == "function_call") return refuse("it calls a tool");
    join();
    if (error_) return;
    finished_ = true;
    write(R"([{"index":0,"delta":{},"finish_reason":)" + std::string(reason.raw()) + "}]");
}

void ContinuedDecoder::take_text(string_view raw) {
    if (finished_ || error_) return;
    if (joined_) return write_text(raw);
    half_ += raw;
    auto const whole = whole_characters(half_);
    auto const state = seam_.feed(unescaped(string_view(half_).substr(0, whole)));
    half_.erase(0, whole);
    if (state != Seam::State::open) join();
}

/// The seam is decided, or has to be now.
void ContinuedDecoder::join() {
    if (joined_) return;
    if (seam_.state() == Seam::State::open) seam_.finish();
    if (seam_.state() == Seam::State::doubtful) {
        // Another target may do better: the client has seen nothing of this one.
        error_ = Error{.kind = ErrorKind::upstream_invalid_response, .detail = "the continuation may have begun anew"};
        return;
    }
    joined_ = true;
    auto const rest = json_quoted(seam_.rest());
    write_text(std::string(inside(rest)) += std::exchange(half_, {}));
}

void ContinuedDecoder::write_text(string_view raw) {
    if (raw.empty()) return;
    kept_.append(raw);
    write(R"([{"index":0,"delta":{"content":")" + std::string(raw) + R"("},"finish_reason":null}])");
}

void ContinuedDecoder::end(StreamStep& step) {
    join();
    if (error_) return;
    if (!finished_) write(R"([{"index":0,"delta":{},"finish_reason":"stop"}])");
    if (wants_usage_) {
        auto const usage = usage_of_both();
        auto object = corrected_usage({}, usage);
        if (usage.source == UsageSource::estimated) object.replace(object.size() - 1, 1, R"(,"estimated":true})");
        append_event(written_, head_ + R"(,"choices":[],"usage":)" + object + "}");
    }
    written_ += done_event;
    step.ended = finished_ = true;
}

void ContinuedDecoder::refuse(string_view why) {
    if (error_) return;
    unsafe_ = true;
    // The target did nothing wrong, so that its health must not suffer.
    error_ = Error{.kind = ErrorKind::unsupported_parameter,
                   .detail = "the continuation can't be joined to the text: " + std::string(why)};
}

/// As if one target had answered the client's own request.
Usage ContinuedDecoder::usage_of_both() const {
    auto const& first = continued_.usage;
    auto const second = inner_->usage();
    auto sum = first;
    if (first.source != UsageSource::provider && second.source == UsageSource::provider) {
        sum.input = std::max<std::int64_t>(second.input - estimated_tokens(continued_.text.size()), 0);
        sum.cached_input = std::min(second.cached_input, sum.input);
        sum.cache_write = std::min(second.cache_write, sum.input - sum.cached_input);
        sum.audio_input = std::min(second.audio_input, sum.input);
    }
    sum.output += second.output;
    sum.reasoning += second.reasoning;
    sum.audio_output += second.audio_output;
    sum.source = std::max(first.source, second.source);  // a sum with an estimate in it is one
    sum.reported_cost.reset();
    return sum;
}

std::optional<Continuation> ContinuedDecoder::continuation() const {
    if (unsafe_ || finished_) return std::nullopt;
    auto text = kept_.whole();
    if (!text) return std::nullopt;
    auto next = continued_;
    next.text = *std::move(text);
    next.usage = usage_of_both();
    return next;
}

}  // namespace

std::unique_ptr<StreamDecoder> make_continued_decoder(ChatRequest const& request, std::size_t max_event_size,
                                                      ReasoningTags const* tags, Continuation const& continued) {
    return std::make_unique<ContinuedDecoder>(request, max_event_size, tags, continued);
}

}  // namespace sluice::openai
