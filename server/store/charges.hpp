#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/store/ledger_store.hpp"

/// Who pays for a call, and when: the same for every store.
namespace sluice::store {

/// "key", "team" ...: as the store writes it.
std::string_view to_text(PayerKind kind);
std::optional<PayerKind> read_payer_kind(std::string_view text);

/// Tags as one "name=value" per line, sorted. A line break inside one becomes a space.
std::string tag_lines(std::map<std::string, std::string> const& tags);

/// What a call's payers are made of.
struct ChargedCall {
    std::string_view key{};
    std::string_view team{};
    std::string_view tag_lines{};
    std::string_view user{};
    std::string_view model{};
    std::string_view provider{};
    std::string_view target_model{};
};

/// One for each part that is not empty, and for each tag; and the target.
std::vector<Payer> payers_of(ChargedCall const& call);

/// "EPOCH/NUMBER": how people name a call.
std::string to_text(CallId id);
std::optional<CallId> read_call_id(std::string_view text);

/// Whole hours since 1970.
std::int64_t hour_of(WallTime at);
WallTime beginning_of(std::int64_t hour);

}  // namespace sluice::store
