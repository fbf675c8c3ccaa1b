#include "providers/openai/usage_chunk.hpp"

#include "core/stream/sse_writer.hpp"

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

void UsageChunk::learn(JsonValue id, JsonValue created, JsonValue model) {
    learn_text(id_, id);
    learn_text(model_, model);
    if (created_.empty() && created.integer().value_or(0) > 0) created_ = created.raw();
}

void UsageChunk::keep_object(JsonValue usage) {
    object_ = usage.raw();
    event_.clear();
}

std::string_view UsageChunk::event(Usage const& usage) {
    if (!event_.empty()) return event_;
    auto const or_else = [](std::string const& text, std::string_view other) {
        return text.empty() ? std::string(other) : text;
    };
    std::string data = R"({"id":)" + or_else(id_, R"("")") + R"(,"object":"chat.completion.chunk","created":)" +
                       or_else(created_, "0") + R"(,"model":)" + or_else(model_, R"("")") +
                       R"(,"choices":[],"usage":)" + (object_.empty() ? object_from(usage) : object_) + "}";
    append_event(event_, data);
    return event_;
}

}  // namespace sluice::openai
