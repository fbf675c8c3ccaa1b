#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::api {

/// The headers by which a client has a say in where its request goes.
enum class ChoiceHeader : std::uint8_t {
    preferences,
    models,
    order,
    only,
    ignore,
    sort,
    max_price,
    provider_auth,
    // from here on: names of sessions, in the order in which they are asked
    session,
    x_session_id,
    x_session_affinity,
    session_id,
    session_id_with_dash,
    conversation_id,
    claude_code_session_id,
    count_,
};

inline constexpr std::size_t choice_header_count = static_cast<std::size_t>(ChoiceHeader::count_);

/// Lower case.
inline constexpr std::array<std::string_view, choice_header_count> choice_header_names{
    "x-provider-preferences", "x-sluice-models",    "x-sluice-order",  "x-sluice-only",    "x-sluice-ignore",
    "x-sluice-sort",          "x-sluice-max-price", "x-provider-auth", "x-sluice-session", "x-session-id",
    "x-session-affinity",     "session_id",         "session-id",      "conversation_id",  "x-claude-code-session-id"};

constexpr std::string_view to_string(ChoiceHeader header) {
    return choice_header_names[static_cast<std::size_t>(header)];
}

/// Their values in one request, found in one walk along its fields: asking for each would walk along them fifteen
/// times. Of several fields with one name the first counts. Refers to the fields.
class ChoiceHeaders {
public:
    /// Cheap for a field that is none of them.
    void note(std::string_view name, std::string_view value) {
        if (name.size() < 64 && ((sizes >> name.size()) & 1U) != 0) keep(name, value);
    }

    std::string_view operator[](ChoiceHeader header) const { return values_[static_cast<std::size_t>(header)]; }
    bool empty() const { return !any_; }

private:
    static constexpr std::uint64_t sizes = [] {
        std::uint64_t bits = 0;
        for (auto const name : choice_header_names) bits |= std::uint64_t{1} << name.size();
        return bits;
    }();
    void keep(std::string_view name, std::string_view value);

    std::array<std::string_view, choice_header_count> values_{};
    bool any_ = false;
};

}  // namespace sluice::api
