#pragma once

#include <cstddef>
#include <string_view>

#include "server/net/connection.hpp"

namespace sluice::http {

/// What has arrived from a client and is not used up: the current head, pipelined bytes behind it. No buffer is held
/// while nothing is buffered.
class Input {
public:
    explicit Input(net::Connection& connection) : connection_(connection) {}

    net::Connection& connection() { return connection_; }
    std::string_view buffered() const { return {buffer_ ? buffer_.data() + begin_ : "", end_ - begin_}; }
    char* data() { return buffer_.data() + begin_; }
    bool empty() const { return begin_ == end_; }

    /// Forgets the first `bytes`. Views into what follows hold.
    void consume(std::size_t bytes) { begin_ += bytes; }
    /// Puts `bytes` behind what is buffered: left-overs of a body that was read elsewhere.
    void append(std::string_view bytes);
    /// Gives the buffer back if it is empty, else moves what is left to its front. Ends the life of all views.
    void compact();

    /// Reads once, waiting until `until`. Makes room first, up to `most` bytes buffered in all; that moves views.
    Task<net::IoResult> fill(std::size_t most, Instant until);

private:
    void make_room(std::size_t most);

    net::Connection& connection_;
    net::Buffer buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace sluice::http
