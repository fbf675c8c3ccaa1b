#include "server/api/request_member.hpp"

#include <algorithm>
#include <string>

#include "core/json/json_string.hpp"
#include "core/types/parameter_rule.hpp"

namespace sluice::api {

std::string_view find_member(ChatRequest const& chat, std::string_view name) {
    if ((chat.names & name_bit(name)) == 0) return {};
    auto const count = std::min(chat.fields.size(), ChatRequest::most_fields);
    for (std::size_t i = 0; i < count; ++i) {
        auto const& field = chat.fields[i];
        auto const written = field.name(chat.body);
        if (field.name_escaped ? unescaped(written) == name : written == name) return field.value(chat.body);
    }
    return {};
}

std::string member_text(ChatRequest const& chat, std::string_view name) {
    auto const json = find_member(chat, name);
    if (json.size() < 2 || json.front() != '"') return {};
    return unescaped(json.substr(1, json.size() - 2));
}

}  // namespace sluice::api
