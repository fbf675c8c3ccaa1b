#pragma once
#include <vector>

#include "server/lab/content.hpp"
#include "server/lab/piece.hpp"

namespace sluice::lab {

/// The events of a streamed answer with the time between them. Pure.
std::vector<Piece> stream_body(Identity const& identity, Options const& options, ChatRequest const& request,
                               Content const& content, Random& random);

/// The size of an event around its content, so that content can be made to fill a given size.
std::size_t event_overhead(Identity const& identity, Options const& options);

}  // namespace sluice::lab
