#include "providers/openai/encode.hpp"

#include <algorithm>
#include <optional>

#include "core/json/json_index.hpp"
#include "core/types/error.hpp"

namespace sluice::openai {
namespace {

/// Inside of the client's own `stream_options`, so that its other members stay.
std::optional<Edit> edit_in(std::string_view options, std::size_t offset) {
    constexpr std::string_view whole = R"({"include_usage":true})";
    JsonIndex index;
    auto const value = index.read(options);
    if (!value || !value->is(JsonType::object)) return Edit{offset, options.size(), std::string(whole)};
    if (auto const asked = (*value)["include_usage"]; asked) {
        if (asked.is_true()) return std::nullopt;
        return Edit{offset + asked.offset(), asked.raw().size(), "true"};
    }
    bool const empty = value->members().empty();
    return Edit{offset + 1, 0, empty ? R"("include_usage":true)" : R"("include_usage":true,)"};
}

std::optional<Edit> ask_for_usage(ChatRequest const& request) {
    if (!request.stream_options_value) {
        return Edit{request.first_member, 0, R"("stream_options":{"include_usage":true},)"};
    }
    if (request.include_usage) return std::nullopt;
    auto const [offset, length] = *request.stream_options_value;
    return edit_in(request.body.substr(offset, length), offset);
}

}  // namespace

std::vector<Edit> edits_for(ChatRequest const& request, std::string_view target_model, StreamUsage stream_usage) {
    std::vector<Edit> edits;
    if (request.requested_model != target_model) {
        edits.push_back({request.model_value.offset, request.model_value.length, json_quoted(target_model)});
    }
    if (request.stream && stream_usage == StreamUsage::always) {
        if (auto edit = ask_for_usage(request)) edits.push_back(std::move(*edit));
    }
    std::sort(edits.begin(), edits.end(), [](Edit const& a, Edit const& b) { return a.offset < b.offset; });
    return edits;
}

}  // namespace sluice::openai
