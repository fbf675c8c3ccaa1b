#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/json/json_value.hpp"
#include "core/types/chat_request.hpp"

namespace sluice {

/// Collects what a request needs of its model, on the one walk along its body: what a model that lacks it would refuse
/// or get wrong.
class RequestNeeds {
public:
    /// Any member of the request. Only some models understand those that begin like this; the first letter spares the
    /// others their comparisons.
    void see(JsonMember const& member) {
        if (member.name.empty()) return;
        auto const first = member.name[0];
        if (first == 't' || first == 'p' || first == 'r' || first == 'm' || first == 'f' || first == '\\') read(member);
    }
    /// Of the type of a message's part.
    static bool is_image(std::string_view type);
    /// The type of a message's part.
    void see_part(std::string_view type);
    void see_tools(JsonValue list);

    /// When all has been seen: writes ChatRequest::facts, of which the number of messages is there already.
    void complete(ChatRequest& request) const;

private:
    void read(JsonMember const& member);

    Capabilities needs_;
    bool forces_a_call_ = false;
    bool wants_parallel_calls_ = false;
    unsigned tools_ = 0;
    std::size_t tool_bytes_ = 0;
    std::int64_t images_ = 0;
};

}  // namespace sluice
