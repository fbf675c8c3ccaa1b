#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "server/observe/series.hpp"

/// The look-ups that each request makes: small open-addressing tables, because std::unordered_map's cost several times
/// as much. Both grow only; one thread's.
namespace sluice::observe {

/// Label values this shard has seen, with their numbers.
class NameTable {
public:
    NameTable() : slots_(64) {}
    NameId const* find(std::string_view text) const;
    void add(std::string_view text, NameId id);
    std::size_t size() const { return texts_.size(); }

private:
    struct Slot {
        std::uint64_t hash = 0;  // 0: free
        std::string const* text = nullptr;
        NameId id{};
    };
    void insert(Slot slot);

    std::vector<Slot> slots_;  // a power of two, at most half full
    std::deque<std::string> texts_;
};

/// Series that are written together; what the columns are is the user's business.
struct SeriesRow {
    SeriesKey key = 0;
    std::array<Cell*, 9> cells{};
};

class SeriesRows {
public:
    SeriesRows() : rows_(64) {}
    /// The row of `key`, new and empty if need be. Valid until the next call.
    SeriesRow& at(SeriesKey key) {
        auto const mask = rows_.size() - 1;
        for (auto index = hash(key) & mask;; index = (index + 1) & mask) {
            if (rows_[index].key == key) [[likely]]
                return rows_[index];
            if (rows_[index].key == 0) return add(key);
        }
    }
    void clear();

private:
    static std::size_t hash(SeriesKey key) { return key * 0x9E3779B97F4A7C15U >> 32U; }
    SeriesRow& add(SeriesKey key);
    SeriesRow& insert(SeriesRow const& row);

    std::vector<SeriesRow> rows_;  // a power of two, at most half full
    std::size_t used_ = 0;
};

}  // namespace sluice::observe
