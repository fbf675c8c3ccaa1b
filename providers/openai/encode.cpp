#include "providers/openai/encode.hpp"

#include <array>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "core/types/error.hpp"
#include "providers/openai/continuation.hpp"
#include "providers/parameters/body_draft.hpp"
#include "providers/parameters/rewrite.hpp"

namespace sluice::openai {
namespace {

using parameters::BodyDraft;
using parameters::Inner;

/// Asks for usage inside of the client's own `stream_options`, so that its other members stay.
void ask_for_usage(ChatRequest const& request, BodyDraft& draft) {
    constexpr std::string_view whole = R"({"include_usage":true})";
    if (!request.stream_options_value) return draft.add("stream_options", std::string(whole));
    auto* const field = draft.find("stream_options");
    if (field == nullptr) return draft.add("stream_options", std::string(whole));
    auto const options = draft.open(*field);
    if (!options.is(JsonType::object)) return draft.replace(*field, std::string(whole));
    Inner asked{.object = options, .member = {}, .base = field->original->value_begin, .name = "include_usage"};
    for (auto const& member : options.members()) {
        if (member.named(asked.name)) asked.member = member;
    }
    if (!asked.member.value) {
        draft.add(asked, "true");
    } else if (!asked.member.value.is_true()) {
        draft.replace(asked, "true");
    }
}

/// What a client says about the choice of a target is for whoever chooses: us, unless the target is a router. Nothing
/// is lost by taking it out, as it has been followed already. Rules of profiles may have done so before.
void drop_steering(ChatRequest const& request, BodyDraft& draft, std::vector<Adjustment>& adjustments) {
    constexpr std::array<std::string_view, 3> names{"models", "provider", "route"};
    constexpr auto bits = name_bit(names[0]) | name_bit(names[1]) | name_bit(names[2]);
    if ((request.names & bits) == 0) return;
    for (auto const name : names) {
        auto* const field = draft.find(name);
        if (field == nullptr) continue;
        draft.remove(*field);
        adjustments.push_back({.kind = Adjustment::Kind::dropped,
                               .severity = request.steering_ignored ? Severity::minor : Severity::exact,
                               .field = name,
                               .why = "the gateway chose by it"});
    }
}

/// Routers read the suffixes that sort; `:free` was for the choice of this target.
std::string sent_model(ChatRequest const& request, TargetView const& target) {
    std::string name(target.model);
    if (target.provider.is_router && request.model_suffix != ":free" && !request.steering_ignored) {
        name += request.model_suffix;
    }
    return name;
}

/// `id` as a part of a path.
void append_encoded(std::string& path, std::string_view id) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    for (char const c : id) {
        auto const byte = static_cast<unsigned char>(c);
        bool const plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
                           c == '.' || c == '_' || c == '~';
        if (plain) {
            path += c;
        } else {
            path += {'%', hex[byte >> 4U], hex[byte & 15U]};
        }
    }
}

/// What the target calls the most tokens that an answer may have.
std::string_view name_of_token_limit(TargetView const& target) {
    std::string_view name = "max_tokens";
    for (auto const& rule : target.provider.parameters) {
        bool const renames = rule.action == RuleAction::rename && rule.field == name;
        if (renames && matches_model(rule.models, target.model)) name = rule.to;
    }
    return name;
}

/// The rules have done their part: whichever name the limit has by now, it says no more than `most`.
void bound_output(std::int64_t most, TargetView const& target, BodyDraft& draft) {
    bool is_said = false;
    for (auto const* const name : {"max_tokens", "max_completion_tokens"}) {
        auto* const field = draft.find(name);
        if (field == nullptr) continue;
        is_said = true;
        std::int64_t asked = 0;
        auto const value = field->value();
        auto const [end, status] = std::from_chars(value.data(), value.data() + value.size(), asked);
        bool const is_number = status == std::errc() && end == value.data() + value.size();
        if (!is_number || asked > most) draft.replace(*field, std::to_string(most));
    }
    if (!is_said) draft.add(name_of_token_limit(target), std::to_string(most));
}

std::string path_of(TargetView const& target) {
    constexpr std::string_view mark = "{model}";
    std::string const& path = target.provider.chat_path;
    auto const at = path.find(mark);
    if (at == std::string::npos) return path;
    auto made = path.substr(0, at);
    append_encoded(made, target.model);
    return made += path.substr(at + mark.size());
}

}  // namespace

Error refusal(ParameterRule const& rule) {
    return {.kind = ErrorKind::unsupported_parameter,
            .message = "the target does not take '" + rule.field + "'" + (rule.why.empty() ? "" : ": " + rule.why),
            .param = rule.field};
}

Result<EncodedRequest> encode(ChatRequest const& request, TargetView const& target) {
    BodyDraft draft(request);
    auto rewritten = parameters::rewrite(request, target.provider.parameters, target.model, target.unsupported, draft);
    if (!rewritten.refused.empty()) return std::unexpected(refusal(*rewritten.refused.front()));
    if (!target.provider.is_router || request.steering_ignored) drop_steering(request, draft, rewritten.adjustments);
    auto const model = request.model_suffix.empty() ? std::string(target.model) : sent_model(request, target);
    if (request.requested_model != model) draft.replace_model(json_quoted(model));
    if (request.stream && target.provider.include_usage) ask_for_usage(request, draft);
    if (target.max_output) bound_output(*target.max_output, target, draft);
    if (target.continuation != nullptr) {
        SLUICE_CHECK(ask_to_continue(request, *target.continuation, target.provider, draft));
    }
    return EncodedRequest{
        .path = path_of(target), .edits = draft.edits(), .adjustments = std::move(rewritten.adjustments)};
}

}  // namespace sluice::openai
