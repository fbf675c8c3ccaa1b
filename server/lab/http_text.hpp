#pragma once
#include <string>
#include <utility>
#include <vector>

#include "server/lab/answer.hpp"
#include "server/lab/options.hpp"
#include "server/lab/piece.hpp"

namespace sluice::lab {

/// An HTTP answer before it is text.
struct Message {
    unsigned status = 200;
    std::string content_type = {};  ///< empty: no such header
    std::vector<std::pair<std::string, std::string>> headers = {};
    Duration delay{};  ///< before the first byte of the head
    std::vector<Piece> body = {};
};

/// Writes `message` with whatever `options` want to be wrong about it. Fills bytes, writes and end of the answer.
void write_message(Message message, Options const& options, Context const& context, Answer& answer);

std::string_view reason_phrase(unsigned status);

/// The headers that tell a client when to come back, in the form the options ask for.
std::vector<std::pair<std::string, std::string>> retry_headers(Options const& options, std::int64_t unix_seconds);

}  // namespace sluice::lab
