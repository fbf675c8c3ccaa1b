#include "server/lab/stream_body.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/lab/chunk_text.hpp"
#include "server/lab/decorator.hpp"
#include "server/lab/error_body.hpp"
#include "server/lab/event_text.hpp"
#include "server/lab/json_text.hpp"

namespace sluice::lab {
namespace {

std::string role_delta() { return R"({"role":"assistant","content":"","refusal":null})"; }

std::string text_delta(std::string_view field, std::string_view text) {
    std::string out = "{";
    append_quoted(out, field);
    out += ':';
    append_quoted(out, text);
    return out + '}';
}

/// Collects the events of one stream; every addition is delayed, decorated or replaced as the options ask.
class StreamWriter {
public:
    StreamWriter(Identity const& identity, Options const& options, ChatRequest const& request, Content const& content,
                 Random& random)
        : identity_(identity),
          options_(options),
          request_(request),
          content_(content),
          random_(random),
          decorator_(options) {}

    std::vector<Piece> run() {
        open();
        if (options_.events) {
            literal_events(*options_.events);
        } else {
            for (std::size_t i = 0; i < content_.choices.size(); ++i) delta(i, role_delta(), 0);
            bodies();
            close();
        }
        if (options_.done && (!failed_ || options_.error_then_done)) event(done_text(options_, number_), 0);
        if (!options_.last_blank && !pieces_.empty()) drop_last_blank();
        return std::move(pieces_);
    }

private:
    Identity const& identity_;
    Options const& options_;
    ChatRequest const& request_;
    Content const& content_;
    Random& random_;
    Decorator decorator_;
    std::vector<Piece> pieces_;
    Duration pending_{};
    std::size_t number_ = 0;       ///< events so far
    std::uint64_t delivered_ = 0;  ///< completion tokens so far
    unsigned deltas_ = 0;          ///< content events so far
    bool failed_ = false;

    void event(std::string text, std::uint64_t tokens) {
        pieces_.push_back({std::exchange(pending_, Duration{}), std::move(text), tokens});
        ++number_;
    }
    void data(std::string_view json, std::uint64_t tokens) { event(event_text(json, options_, number_), tokens); }
    void chunk(ChunkParts const& parts, std::uint64_t tokens) {
        data(decorator_.chunk(chunk_json(identity_, options_, parts)), tokens);
    }

    void wait(Duration time) {
        auto interval = options_.comment_interval;
        for (unsigned i = 0; interval.count() > 0 && time > interval && i < 10'000; ++i, time -= interval) {
            pending_ += interval;
            event(comment_text(options_), 0);
        }
        pending_ += time;
    }

    void open() {
        if (options_.bom) event("\xEF\xBB\xBF", 0);
        if (options_.error_after == 0U) return fail();
        for (unsigned i = 0; i < options_.comments_first; ++i) event(comment_text(options_), 0);
        wait(draw(options_.ttft, random_));
        if (options_.chunks_first) literal_events(*options_.chunks_first);
        if (!options_.placeholder) return;
        ChunkParts parts{.extra = R"(,"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}])",
                         .anonymous = true};
        data(chunk_json(identity_, options_, parts), 0);
    }

    void literal_events(std::string const& text) {
        auto list = nlohmann::ordered_json::parse(text, nullptr, false);
        if (!list.is_array()) return;
        for (auto const& entry : list) {
            wait(draw(options_.per_token, random_));
            data(entry.is_string() ? entry.get<std::string>() : entry.dump(), 1);
        }
    }

    std::string running_usage() const {
        if (options_.usage == UsageMode::null) return "null";
        if (options_.usage != UsageMode::every) return {};
        TokenCounts so_far{content_.usage.prompt, delivered_, std::min(delivered_, content_.usage.reasoning)};
        return usage_json(so_far);
    }

    void delta(std::size_t choice, std::string json, std::uint64_t tokens, std::string logprobs = {}) {
        if (failed_) return;
        delivered_ += tokens;
        if (options_.obfuscation) {
            json.pop_back();
            json += ",\"obfuscation\":\"" + std::string(1 + random_.next() % 24, 'o') + "\"}";
        }
        ChoiceParts parts{.index = choice, .delta = std::move(json), .logprobs = std::move(logprobs)};
        chunk({.choices = choice_json(parts), .usage = running_usage()}, tokens);
    }

    /// A delta that carries content: these are what the options count.
    void content_delta(std::size_t choice, std::string json, std::uint64_t tokens, std::string logprobs = {}) {
        if (failed_) return;
        if (deltas_ > 0) {
            for (std::uint64_t i = 0; i < std::max<std::uint64_t>(tokens, 1); ++i)
                wait(draw(options_.per_token, random_));
            if (options_.comment_every > 0 && deltas_ % options_.comment_every == 0) event(comment_text(options_), 0);
        }
        if (options_.bad_utf8_after == deltas_) json = "{\"content\":\"\xff\xc3(\"}";
        if (options_.huge_event > 0 && options_.huge_event_at == deltas_ + 1)
            json = text_delta("content", std::string(options_.huge_event, 'h'));
        if (options_.bad_json_after == deltas_) {
            data("{\"id\":" + json_quoted(identity_.id) + ",\"choices\":[{\"index\":0,\"del", 0);
        } else {
            delta(choice, std::move(json), tokens, std::move(logprobs));
        }
        ++deltas_;
        if (options_.error_after == deltas_) fail();
    }

    /// Word by word, the choices taking turns, as real streams with n > 1 do.
    void bodies() {
        std::size_t longest = 0;
        for (auto const& choice : content_.choices)
            longest = std::max({longest, choice.words.size(), choice.reasoning.size()});
        for (std::size_t at = 0; at < longest; ++at)
            for (std::size_t i = 0; i < content_.choices.size(); ++i) thought(i, at);
        auto step = std::max(1U, options_.tokens_per_chunk);
        for (std::size_t at = 0; at < longest; at += step)
            for (std::size_t i = 0; i < content_.choices.size(); ++i) words(i, at, step);
        for (std::size_t i = 0; i < content_.choices.size(); ++i) tools(i);
    }

    void thought(std::size_t index, std::size_t at) {
        auto const& all = content_.choices[index].reasoning;
        auto form = options_.reasoning_form;
        if (at >= all.size() || form == ReasoningForm::hidden) return;
        bool is_tagged = form == ReasoningForm::tags;
        if (is_tagged && at == 0) mark(index, options_.reasoning_open);
        auto delta = is_tagged ? text_delta("content", all[at]) : '{' + reasoning_members(options_, all[at]) + '}';
        if (form == ReasoningForm::parts) delta = R"({"content":[)" + thinking_part(all[at]) + "]}";
        content_delta(index, std::move(delta), 1);
        if (is_tagged && at + 1 == all.size()) mark(index, options_.reasoning_close);
    }

    /// In two events, since that is what a reader of marks gets wrong.
    void mark(std::size_t index, std::string_view text) {
        auto half = text.size() / 2;
        if (half > 0) content_delta(index, text_delta("content", text.substr(0, half)), 0);
        if (!text.empty()) content_delta(index, text_delta("content", text.substr(half)), 0);
    }

    void words(std::size_t index, std::size_t at, std::size_t count) {
        auto const& all = content_.choices[index].words;
        if (at >= all.size()) return;
        auto begin = all.begin() + static_cast<std::ptrdiff_t>(at);
        std::vector<std::string> some(begin, begin + static_cast<std::ptrdiff_t>(std::min(count, all.size() - at)));
        auto field = options_.refusal ? "refusal" : "content";
        content_delta(index, text_delta(field, joined(some)), some.size(),
                      request_.logprobs ? logprobs_json(some, request_.top_logprobs) : "");
    }

    std::string tool_delta(std::size_t call, bool first, ToolCall const& tool, std::string const& arguments) const {
        auto quirk = options_.tool_quirk;
        std::string out = R"({"tool_calls":[{)";
        if (quirk != ToolQuirk::no_index)
            out += fmt::format(R"("index":{},)", quirk == ToolQuirk::index_zero ? 0 : call);
        if (first || quirk == ToolQuirk::no_index) out += R"("id":)" + json_quoted(tool.id) + ',';
        if (!first && quirk == ToolQuirk::empty_id) out += R"("id":"",)";
        if (first && quirk != ToolQuirk::no_index) out += R"("type":"function",)";
        out += R"("function":{)";
        if (first || quirk == ToolQuirk::repeat_name) out += R"("name":)" + json_quoted(tool.name) + ',';
        return out + R"("arguments":)" + arguments + "}}]}";
    }

    void tools(std::size_t index) {
        auto const& calls = content_.choices[index].tool_calls;
        for (std::size_t k = 0; k < calls.size(); ++k) {
            auto const& text = calls[k].arguments;
            auto tokens = 1 + (text.size() + tool_token_bytes - 1) / tool_token_bytes;
            bool whole = options_.tool_quirk == ToolQuirk::whole || options_.tool_quirk == ToolQuirk::no_index;
            if (options_.tool_quirk == ToolQuirk::object || whole) {
                content_delta(index, tool_delta(k, true, calls[k], whole ? json_quoted(text) : text), tokens);
                continue;
            }
            content_delta(index, tool_delta(k, true, calls[k], "\"\""), 1);
            for (std::size_t at = 0; at < text.size(); at += tool_token_bytes)
                content_delta(index, tool_delta(k, false, calls[k], json_quoted(text.substr(at, tool_token_bytes))), 1);
        }
    }

    void close() {
        if (failed_) return;
        auto usage = usage_json(content_.usage);
        if (options_.finish) finish(usage);
        bool last =
            options_.usage == UsageMode::always || options_.usage == UsageMode::duplicate ||
            (request_.include_usage && (options_.usage == UsageMode::normal || options_.usage == UsageMode::null));
        ChunkParts parts{.usage = usage};
        for (int i = 0; last && i < (options_.usage == UsageMode::duplicate ? 2 : 1); ++i) chunk(parts, 0);
    }

    void finish(std::string const& usage) {
        for (std::size_t i = 0; i < content_.choices.size(); ++i) {
            bool is_last = i + 1 == content_.choices.size();
            ChoiceParts parts{.index = i, .finish_reason = content_.choices[i].finish_reason};
            if (is_last && options_.usage == UsageMode::choice) parts.extra = ",\"usage\":" + usage;
            ChunkParts last{.choices = choice_json(parts), .usage = running_usage()};
            if (is_last && (options_.usage == UsageMode::finish || options_.usage == UsageMode::groq))
                last.usage = usage;
            if (is_last && options_.usage == UsageMode::groq)
                last.extra = R"(,"x_groq":{"id":"req_lab","usage":)" + usage + '}';
            chunk(last, 0);
        }
    }

    void fail() {
        failed_ = true;
        auto facts = error_facts(options_, 502);
        auto code = options_.error_code.value_or("502");
        auto error = fmt::format(R"("error":{{"code":{},"message":{},"metadata":{{"error_type":{}}}}})", code,
                                 json_quoted(facts.message), json_quoted(facts.type));
        if (options_.error_frame == ErrorFrame::openrouter) {
            ChoiceParts choice{.delta = R"({"content":""})", .finish_reason = "error"};
            choice.extra = R"(,"native_finish_reason":"error")";
            ChunkParts parts{.choices = choice_json(choice), .extra = ',' + error};
            return data(chunk_json(identity_, options_, parts), 0);
        }
        facts.code = code;
        auto plain = error_body(ErrorShape::openai, facts);
        if (options_.error_frame == ErrorFrame::plain) data(plain, 0);
        if (options_.error_frame == ErrorFrame::text) data(R"({"error":)" + json_quoted(facts.message) + '}', 0);
        if (options_.error_frame == ErrorFrame::ndjson) event(plain + '\n', 0);
        if (options_.error_frame == ErrorFrame::event) event("event: error\ndata: " + plain + "\n\n", 0);
    }

    void drop_last_blank() {
        auto end = line_end_text(options_.line_end).size();
        auto& text = pieces_.back().text;
        text.resize(text.size() - std::min(text.size(), end));
    }
};

}  // namespace

std::vector<Piece> stream_body(Identity const& identity, Options const& options, ChatRequest const& request,
                               Content const& content, Random& random) {
    return StreamWriter(identity, options, request, content, random).run();
}

std::size_t event_overhead(Identity const& identity, Options const& options) {
    ChoiceParts parts{.delta = text_delta("content", "")};
    ChunkParts chunk{.choices = choice_json(parts)};
    return event_text(chunk_json(identity, options, chunk), options, 10).size();
}

}  // namespace sluice::lab
