#pragma once
#include <string>
#include <vector>

#include "server/lab/pace.hpp"

namespace sluice::lab {

/// Some bytes of an answer's body, and how long after the ones before them they are due.
struct Piece {
    Duration wait{};
    std::string text;
    std::uint64_t tokens = 0;  ///< of completion, delivered by this piece
    bool operator==(Piece const&) const = default;
};

/// What the answer calls itself.
struct Identity {
    std::string id, model;
    std::int64_t created = 1767225600;  ///< fixed, so that equal requests get equal bytes
};

}  // namespace sluice::lab
