#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/lab/chat_request.hpp"
#include "server/lab/content.hpp"
#include "server/lab/options.hpp"

namespace sluice::lab {

/// The next `size` bytes of an answer go out in one send, `wait` after the bytes before them were due.
struct Write {
    Duration wait{};
    std::size_t size = 0;
    std::uint64_t tokens = 0;  ///< of completion, delivered with it
    bool operator==(Write const&) const = default;
};

/// What happens to the connection afterwards. `cut` is a FIN without any ceremony, `reset` an RST.
enum class End : std::uint8_t { keep_alive, close, cut, reset };

/// Everything about one answer is decided before its first byte is sent.
struct Answer {
    std::string bytes;
    std::vector<Write> writes;
    End end = End::keep_alive;
    unsigned status = 200;
    bool is_stream = false;
    bool usage_reported = false;
    TokenCounts usage;  ///< if all of it is delivered
};

/// What an answer depends on besides the request and the options.
struct Context {
    std::uint64_t seed = 1;         ///< already mixed with whatever makes this request different from others
    std::int64_t unix_seconds = 0;  ///< for HTTP dates
    bool close = false;             ///< the connection ends after this answer
    bool http_1_0 = false;
    bool head = false;
};

/// Pure: equal arguments, equal answers.
Answer make_answer(ChatRequest const& request, Options const& options, Context const& context);

/// An answer that is not about chat, without any fault.
Answer plain_answer(unsigned status, std::string_view content_type, std::string body, Context const& context);

/// An error in OpenAI's shape, without any fault.
Answer plain_error(unsigned status, std::string_view message, std::string_view code, Context const& context);

}  // namespace sluice::lab
