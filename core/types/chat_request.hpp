#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/routing.hpp"

namespace sluice {

/// A range of the client's body.
struct Span {
    std::size_t offset = 0;
    std::size_t length = 0;
    friend bool operator==(Span const&, Span const&) = default;
};

/// A member of the request's object, by its places in the body. No body is as large as four GiB.
struct RequestField {
    std::uint32_t name_begin = 0;  ///< of its first quote
    std::uint32_t name_size = 0;   ///< between the quotes, escapes as they stand
    std::uint32_t value_begin = 0;
    std::uint32_t value_size = 0;
    bool name_escaped = false;

    std::string_view name(std::string_view body) const { return body.substr(name_begin + 1, name_size); }
    std::string_view value(std::string_view body) const { return body.substr(value_begin, value_size); }
    friend bool operator==(RequestField const&, RequestField const&) = default;
};

/// The facts that the gateway reads from a chat completion request, and where in the body they stand. The body itself
/// is the client's; it must outlive this.
struct ChatRequest {
    std::string_view body;
    std::string requested_model;      ///< unescaped, checked
    std::string_view model_suffix{};  ///< ":nitro" and the like at its end, where that steers us; routers get it, too
    bool stream = false;
    bool include_usage = false;  ///< the client asked for usage in the stream
    std::optional<std::int64_t> max_output_tokens;
    std::int64_t choices = 1;
    bool has_tools = false;
    std::size_t prompt_bytes = 0;      ///< of the JSON strings in `messages`, escapes included: for estimates
    std::int64_t images = 0;           ///< parts of messages that are one, by URL or as data
    std::size_t image_data_bytes = 0;  ///< of the body that are images' data, not text
    RequestFacts facts;                ///< for the choice of a target
    /// What the client said about the choice has been passed over, as its key may not say it. No target gets it either.
    bool steering_ignored = false;

    Span model_value;                          ///< with its quotes
    std::optional<Span> stream_options_value;  ///< the whole value, `null` included
    std::size_t first_member = 0;              ///< offset just behind the opening brace

    /// The first members, in order. Rules for parameters see `most_fields` of them: a body may have a million names
    /// that mean nothing. One more is only there to show where the last of these ends.
    static constexpr std::size_t most_fields = 256;
    std::vector<RequestField> fields;
    std::uint64_t names = 0;  ///< name_bit of each that rules see
    /// name_bit of each member of a message, of "content[]" where a message's content is a list, and of "role" where a
    /// role is none of system, user, assistant, tool.
    std::uint64_t message_names = 0;
};

}  // namespace sluice
