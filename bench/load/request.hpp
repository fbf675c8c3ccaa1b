#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "options.hpp"

namespace sluice::bench {

/// Sixteen hex digits that differ from request to request, to find an answer that belongs to somebody else.
using Nonce = std::array<char, 16>;
Nonce make_nonce(std::uint64_t number);

/// One request's bytes, the same for all connections but for the nonce between the two halves (if there is one).
struct RequestText {
    std::string before;
    std::string after;
    bool has_nonce = false;

    std::size_t size() const { return before.size() + after.size() + (has_nonce ? Nonce{}.size() : 0); }
};

/// Head and body as `options` say. Throws std::runtime_error if the body file cannot be read.
RequestText make_request(Options const& options);

}  // namespace sluice::bench
