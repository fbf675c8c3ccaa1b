#include "providers/openai/answer.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/json/json_index.hpp"
#include "core/json/json_string.hpp"
#include "core/stream/usage_tally.hpp"
#include "providers/openai/chunk_reader.hpp"
#include "providers/openai/empty_answer.hpp"
#include "providers/openai/errors.hpp"
#include "providers/openai/mending.hpp"
#include "providers/openai/step_text.hpp"
#include "providers/openai/usage_reader.hpp"

namespace sluice::openai {
namespace {

/// Log probabilities of a long answer have many values.
constexpr JsonLimits answer_limits{.values = 16'000'000, .surrogates = Surrogates::any};
constexpr std::size_t kept_size = 1024 * 1024;  ///< a larger index is given back after use

std::unexpected<Error> fail(ErrorKind kind, std::string detail) {
    return std::unexpected(Error{.kind = kind, .detail = std::move(detail)});
}

/// The same for the same answer, hardly ever for two.
std::uint64_t seed_of(ChunkFacts const& answer, ChatRequest const& request) {
    return hash_of(answer.id.string(), hash_of(answer.created.raw())) + request.prompt_bytes;
}

/// What the client reads as usage has OpenAI's meaning, and stands where OpenAI puts it.
void edit_usage(JsonValue root, ChunkFacts const& answer, UsageReading const& read, std::vector<Edit>& edits) {
    if (answer.usage_at_top && read.is_openais) return;
    auto const theirs = answer.usage.raw();
    auto ours = read.is_openais ? std::string(theirs) : corrected_usage(answer.usage, read.usage);
    if (answer.usage_at_top) {
        edits.push_back({answer.usage.offset(), theirs.size(), std::move(ours)});
    } else {
        edits.push_back({root.offset() + 1, 0, R"("usage":)" + ours + ","});
    }
}

void mend_choices(ChunkFacts& answer, ChatRequest const& request, ReasoningTags const* tags, std::vector<Edit>& edits) {
    StepText texts;
    answer.edits.clear();  // those of a stream: in an answer usage stays
    for (auto& choice : answer.choices) {
        auto const seed = choice.has_tool_calls() ? seed_of(answer, request) : 0;
        mend_whole_choice(choice, tags, seed, {answer.edits, texts});
    }
    for (auto const& edit : answer.edits) {
        edits.push_back({edit.begin, edit.end - edit.begin, std::string(edit.text)});
    }
}

Result<AnswerFacts> facts_of(ChatRequest const& request, JsonValue root, ReasoningTags const* tags) {
    ChunkFacts chunk;
    read_chunk(root, answer_object, chunk);
    if (chunk.error) return std::unexpected(error_in_body(read_error_value(chunk.error)));
    if (chunk.choices_missing) {
        if (auto body = read_error_body(root)) return std::unexpected(error_in_body(std::move(*body)));
        return fail(ErrorKind::upstream_invalid_response, "the answer has no choices");
    }
    UsageTally tally(request.prompt_bytes);
    AnswerFacts facts;
    mend_choices(chunk, request, tags, facts.edits);
    bool anything = false;
    for (auto const& choice : chunk.choices) {
        tally.add_output(choice.output_bytes);
        anything |= choice.has_delta();
        if (facts.finish_reason.empty()) facts.finish_reason = unescaped(choice.finish_reason);
    }
    if (auto const read = read_usage(chunk.usage)) {
        tally.report(read->usage);
        edit_usage(root, chunk, *read, facts.edits);
    }
    std::ranges::sort(facts.edits, {}, [](Edit const& edit) { return std::pair(edit.offset, edit.length); });
    facts.usage = tally.usage();
    if (!anything && is_unexplained(facts.finish_reason, facts.usage)) {
        return fail(ErrorKind::upstream_empty_answer, "the answer has no content");
    }
    facts.reported_model = chunk.model.unescaped();
    return facts;
}

}  // namespace

Result<AnswerFacts> read_answer(ChatRequest const& request, std::string_view body, ReasoningTags const* tags) {
    thread_local JsonIndex index;
    auto const root = index.read(body, answer_limits);
    if (!root) {
        return fail(ErrorKind::upstream_invalid_response,
                    "the answer is no JSON: " + std::string(root.error().problem));
    }
    auto facts = root->is(JsonType::array) || root->is(JsonType::object)
                     ? facts_of(request, *root, tags)
                     : Result<AnswerFacts>(fail(ErrorKind::upstream_invalid_response, "the answer is no JSON object"));
    index.shrink_to(kept_size);
    return facts;
}

}  // namespace sluice::openai
