#include "core/pipeline/sessions.hpp"

#include <algorithm>

namespace sluice {
namespace {

/// FNV-1a, a separator behind each part.
std::uint64_t add(std::uint64_t hash, std::string_view text) {
    for (char const c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return (hash ^ 0xff) * 0x100000001b3;
}
constexpr std::uint64_t start = 0xcbf29ce484222325;

}  // namespace

std::uint64_t SessionTable::key_of(std::string_view text) { return add(start, text); }

std::uint64_t SessionTable::key_of(std::string_view caller, std::string_view model, std::string_view session) {
    return add(add(add(start, caller), model), session);
}

std::optional<SessionTable::Binding> SessionTable::find(std::uint64_t session, Instant now) const {
    auto const& in = shard(session);
    std::lock_guard const lock(in.mutex);
    auto const found = in.bindings.find(session);
    if (found == in.bindings.end() || found->second.expires <= now) return std::nullopt;
    return found->second;
}

void SessionTable::bind(std::uint64_t session, Binding const& binding, Instant now) {
    auto& in = shard(session);
    std::lock_guard const lock(in.mutex);
    if (in.bindings.size() >= most_in_shard_ && !in.bindings.contains(session)) make_room(in, now);
    in.bindings[session] = binding;
}

void SessionTable::forget(std::uint64_t session) {
    auto& in = shard(session);
    std::lock_guard const lock(in.mutex);
    in.bindings.erase(session);
}

std::size_t SessionTable::size() const {
    std::size_t sum = 0;
    for (auto const& in : shards_) {
        std::lock_guard const lock(in.mutex);
        sum += in.bindings.size();
    }
    return sum;
}

/// The expired go; where none is, the one that expires first.
void SessionTable::make_room(Shard& shard, Instant now) {
    if (std::erase_if(shard.bindings, [now](auto const& entry) { return entry.second.expires <= now; }) > 0) return;
    auto const sooner = [](auto const& a, auto const& b) { return a.second.expires < b.second.expires; };
    auto const first = std::min_element(shard.bindings.begin(), shard.bindings.end(), sooner);
    if (first != shard.bindings.end()) shard.bindings.erase(first);
}

}  // namespace sluice
