#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "core/types/clock.hpp"

namespace sluice {

/// Where each session was served last, so that its next request finds its prompt cache warm. Bounded: what was not used
/// for long goes first. A lost or mixed-up entry costs a cache hit, nothing else. Thread: any; shared by all workers.
class SessionTable {
public:
    struct Binding {
        std::uint64_t target = 0;              ///< key_of() its name
        std::uint64_t credential = 0;          ///< key_of() its name
        std::int64_t tokens = 0;               ///< of its last request and answer: what a cache may hold
        std::optional<unsigned> complexity{};  ///< what a classifier said of its first request; absent: none was asked
        Instant expires = Instant::min();
    };

    explicit SessionTable(std::size_t most = 65'536) : most_in_shard_(most / shard_count) {}

    static std::uint64_t key_of(std::string_view text);
    static std::uint64_t key_of(std::string_view caller, std::string_view model, std::string_view session);

    std::optional<Binding> find(std::uint64_t session, Instant now) const;
    void bind(std::uint64_t session, Binding const& binding, Instant now);
    void forget(std::uint64_t session);
    std::size_t size() const;

private:
    static constexpr std::size_t shard_count = 16;
    struct Shard {
        std::mutex mutable mutex;
        std::unordered_map<std::uint64_t, Binding> bindings;
    };
    Shard& shard(std::uint64_t session) { return shards_[session % shard_count]; }
    Shard const& shard(std::uint64_t session) const { return shards_[session % shard_count]; }
    static void make_room(Shard& shard, Instant now);

    std::size_t most_in_shard_;
    std::array<Shard, shard_count> shards_;
};

}  // namespace sluice
