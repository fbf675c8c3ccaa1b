#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::store {

/// An answer of Redis.
struct RedisReply {
    enum class Kind : std::uint8_t { nothing, text, number, list, error };
    Kind kind = Kind::nothing;
    std::string text{};  ///< also an error's
    std::int64_t number = 0;
    std::vector<RedisReply> list{};
};

/// Reads answers (RESP 2) out of bytes as they arrive. Pure.
class RedisReader {
public:
    void feed(std::string_view bytes) { unread_ += bytes; }
    /// The next whole answer; nothing: more bytes are needed. Error: no answer looks like this; the connection is of no
    /// more use.
    std::expected<std::optional<RedisReply>, std::string_view> next();

private:
    std::string unread_{};
};

/// `words` as Redis wants a command: any bytes may be in them.
void append_command(std::string& out, std::vector<std::string> const& words);

}  // namespace sluice::store
