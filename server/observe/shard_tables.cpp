#include "server/observe/shard_tables.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::observe {
namespace {

std::uint64_t word_at(char const* bytes) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, sizeof word);
    return word;
}

// Names are the operator's, so it need not withstand an attacker; never 0.
std::uint64_t hash_of(std::string_view text) {
    constexpr std::uint64_t factor = 0x9E3779B97F4A7C15;
    std::uint64_t hash = text.size() * factor;
    auto const mix = [&hash](std::uint64_t word) {
        hash = (hash ^ word) * factor;
        hash ^= hash >> 32U;
    };
    if (text.size() < 8) {
        std::uint64_t word = 0;
        for (char const c : text) word = word << 8U | static_cast<unsigned char>(c);
        mix(word);
    } else {
        for (std::size_t at = 0; at + 8 < text.size(); at += 8) mix(word_at(text.data() + at));
        mix(word_at(text.data() + text.size() - 8));  // may overlap the one before
    }
    return hash | 1U;
}

}  // namespace

NameId const* NameTable::find(std::string_view text) const {
    auto const hash = hash_of(text);
    auto const mask = slots_.size() - 1;
    for (auto index = hash >> 16U & mask; slots_[index].hash != 0; index = (index + 1) & mask) {
        if (slots_[index].hash == hash && *slots_[index].text == text) return &slots_[index].id;
    }
    return nullptr;
}

void NameTable::add(std::string_view text, NameId id) {
    texts_.emplace_back(text);
    if (2 * texts_.size() > slots_.size()) {
        std::vector<Slot> old(slots_.size() * 2);
        old.swap(slots_);
        for (auto const& slot : old) {
            if (slot.hash != 0) insert(slot);
        }
    }
    insert(Slot{.hash = hash_of(text), .text = &texts_.back(), .id = id});
}

void NameTable::insert(Slot slot) {
    auto const mask = slots_.size() - 1;
    auto index = slot.hash >> 16U & mask;
    while (slots_[index].hash != 0) index = (index + 1) & mask;
    slots_[index] = slot;
}

SeriesRow& SeriesRows::add(SeriesKey key) {
    if (2 * (used_ + 1) > rows_.size()) {
        std::vector<SeriesRow> old(rows_.size() * 2);
        old.swap(rows_);
        for (auto const& row : old) {
            if (row.key != 0) insert(row);
        }
    }
    ++used_;
    return insert(SeriesRow{.key = key});
}

SeriesRow& SeriesRows::insert(SeriesRow const& row) {
    auto const mask = rows_.size() - 1;
    auto index = hash(row.key) & mask;
    while (rows_[index].key != 0) index = (index + 1) & mask;
    rows_[index] = row;
    return rows_[index];
}

void SeriesRows::clear() {
    std::ranges::fill(rows_, SeriesRow{});
    used_ = 0;
}

}  // namespace sluice::observe
