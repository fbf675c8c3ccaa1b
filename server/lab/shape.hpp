#pragma once
#include <vector>

#include "server/lab/piece.hpp"

namespace sluice::lab {

std::size_t total_bytes(std::vector<Piece> const& pieces);

/// The offset behind the first `count` pieces.
std::size_t offset_of(std::vector<Piece> const& pieces, std::size_t count);

/// The same bytes, with `pause` before the byte at `offset`; unchanged if there is no such byte.
void pause_at(std::vector<Piece>& pieces, std::size_t offset, Duration pause);

/// The same bytes in pieces of `size`, each `interval` after the one before.
void drip(std::vector<Piece>& pieces, std::size_t size, Duration interval);

/// The same bytes in pieces of exactly `size` (the last may be shorter), each due when its last byte was.
void regroup(std::vector<Piece>& pieces, std::size_t size);

/// The same bytes in one piece.
void merge(std::vector<Piece>& pieces);

/// A gzip file that holds `text` uncompressed.
std::string stored_gzip(std::string_view text);

}  // namespace sluice::lab
