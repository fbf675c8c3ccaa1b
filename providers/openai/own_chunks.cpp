#include "providers/openai/own_chunks.hpp"

#include "core/stream/sse_writer.hpp"
#include "providers/openai/tool_calls.hpp"

namespace sluice::openai {
namespace {

void learn_text(std::string& known, JsonValue value) {
    if (known.empty() && !value.string().empty()) known = value.raw();
}

std::string object_from(Usage const& usage) {
    return R"({"prompt_tokens":)" + std::to_string(usage.input) + R"(,"completion_tokens":)" +
           std::to_string(usage.output) + R"(,"total_tokens":)" + std::to_string(usage.input + usage.output) +
           R"(,"estimated":true})";
}

}  // namespace

void OwnChunks::learn(JsonValue id, JsonValue created, JsonValue model) {
    learn_text(id_, id);
    learn_text(model_, model);
    if (created_.empty() && created.integer().value_or(0) > 0) created_ = created.raw();
}

void OwnChunks::keep_usage(std::string_view object) {
    usage_ = object;
    usage_event_.clear();
}

std::string_view OwnChunks::usage_event(Usage const& usage) {
    if (!usage_event_.empty()) return usage_event_;
    append_event(usage_event_, frame("[]") + R"(,"usage":)" + (usage_.empty() ? object_from(usage) : usage_) + "}");
    return usage_event_;
}

std::string_view OwnChunks::event_with(std::string_view choices) {
    event_.clear();
    append_event(event_, frame(choices) + "}");
    return event_;
}

std::uint64_t OwnChunks::seed() const { return hash_of(id_, hash_of(created_, hash_of(model_))); }

/// Without the closing brace.
std::string OwnChunks::frame(std::string_view choices) const {
    auto const or_else = [](std::string const& text, std::string_view other) {
        return text.empty() ? std::string(other) : text;
    };
    return R"({"id":)" + or_else(id_, R"("")") + R"(,"object":"chat.completion.chunk","created":)" +
           or_else(created_, "0") + R"(,"model":)" + or_else(model_, R"("")") + R"(,"choices":)" + std::string(choices);
}

}  // namespace sluice::openai
