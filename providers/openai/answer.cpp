#include "providers/openai/answer.hpp"

#include <string>

#include "core/json/json_index.hpp"
#include "core/json/json_string.hpp"
#include "core/stream/usage_tally.hpp"
#include "providers/openai/chunk_reader.hpp"
#include "providers/openai/empty_answer.hpp"
#include "providers/openai/errors.hpp"
#include "providers/openai/usage_reader.hpp"

namespace sluice::openai {
namespace {

/// Log probabilities of a long answer have many values.
constexpr JsonLimits answer_limits{.values = 16'000'000, .surrogates = Surrogates::any};
constexpr std::size_t kept_size = 1024 * 1024;  ///< a larger index is given back after use

std::unexpected<Error> fail(ErrorKind kind, std::string detail) {
    return std::unexpected(Error{.kind = kind, .detail = std::move(detail)});
}

Result<AnswerFacts> facts_of(ChatRequest const& request, JsonValue root) {
    ChunkFacts chunk;
    read_chunk(root, chunk);
    if (chunk.error) return std::unexpected(error_in_body(read_error_value(chunk.error)));
    if (chunk.choices_missing) {
        if (auto body = read_error_body(root)) return std::unexpected(error_in_body(std::move(*body)));
        return fail(ErrorKind::upstream_invalid_response, "the answer has no choices");
    }
    UsageTally tally(request.prompt_bytes);
    AnswerFacts facts;
    bool anything = false;
    for (auto const& choice : chunk.choices) {
        tally.add_output(choice.output_bytes);
        anything |= choice.has_delta;
        if (facts.finish_reason.empty()) facts.finish_reason = unescaped(choice.finish_reason);
    }
    if (auto const usage = read_usage(chunk.usage)) tally.report(*usage);
    facts.usage = tally.usage();
    if (!anything && is_unexplained(facts.finish_reason, facts.usage)) {
        return fail(ErrorKind::upstream_empty_answer, "the answer has no content");
    }
    facts.reported_model = chunk.model.unescaped();
    return facts;
}

}  // namespace

Result<AnswerFacts> read_answer(ChatRequest const& request, std::string_view body) {
    thread_local JsonIndex index;
    auto const root = index.read(body, answer_limits);
    if (!root) {
        return fail(ErrorKind::upstream_invalid_response,
                    "the answer is no JSON: " + std::string(root.error().problem));
    }
    auto facts = root->is(JsonType::array) || root->is(JsonType::object)
                     ? facts_of(request, *root)
                     : Result<AnswerFacts>(fail(ErrorKind::upstream_invalid_response, "the answer is no JSON object"));
    index.shrink_to(kept_size);
    return facts;
}

}  // namespace sluice::openai
