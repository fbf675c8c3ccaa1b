#include "server/api/session_id.hpp"

#include <array>

#include "server/api/request_member.hpp"

namespace sluice::api {
namespace {

constexpr std::size_t most_bytes = 256;
constexpr std::string_view no_session = "none";

std::string session_of(ChatRequest const& chat, ChoiceHeaders const& headers) {
    if (!headers.empty()) {
        for (auto at = static_cast<std::size_t>(ChoiceHeader::session); at < choice_header_count; ++at) {
            auto const value = headers[static_cast<ChoiceHeader>(at)];
            if (!value.empty()) return std::string(value);
        }
    }
    for (std::string_view const name : {"prompt_cache_key", "session_id"}) {
        if (auto text = member_text(chat, name); !text.empty()) return text;
    }
    return {};
}

}  // namespace

SessionNames read_session(ChatRequest const& chat, ChoiceHeaders const& headers) {
    if (headers[ChoiceHeader::session] == no_session) return {};
    SessionNames names{.session = session_of(chat, headers)};
    if (names.session.size() > most_bytes) names.session.clear();
    auto const user = member_text(chat, "user");
    if (!user.empty() && user.size() <= most_bytes) names.user = "user:" + user;
    return names;
}

}  // namespace sluice::api
