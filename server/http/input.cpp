#include "server/http/input.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::http {

namespace {
constexpr std::size_t first_room = 4 * 1024;
}

void Input::append(std::string_view bytes) {
    if (bytes.empty()) return;
    if (!buffer_ || buffer_.capacity() - end_ < bytes.size()) {
        auto larger = connection_.worker().buffers().take(end_ - begin_ + bytes.size());
        if (!empty()) std::memcpy(larger.data(), data(), end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        buffer_ = std::move(larger);
    }
    std::memcpy(buffer_.data() + end_, bytes.data(), bytes.size());
    end_ += bytes.size();
}

void Input::compact() {
    if (empty()) {
        buffer_ = net::Buffer();
    } else if (begin_ > 0) {
        std::memmove(buffer_.data(), data(), end_ - begin_);
    }
    end_ -= begin_;
    begin_ = 0;
}

void Input::make_room(std::size_t most) {
    if (buffer_ && end_ < buffer_.capacity()) return;
    auto const held = end_ - begin_;
    auto larger = connection_.worker().buffers().take(std::clamp(2 * held, first_room, std::max(most, first_room)));
    if (held > 0) std::memcpy(larger.data(), data(), held);
    buffer_ = std::move(larger);
    begin_ = 0;
    end_ = held;
}

Task<net::IoResult> Input::fill(std::size_t most, Instant until) {
    // A connection without a buffer waits without one: most of them do, most of the time.
    if (!buffer_ && !connection_.has_pending()) {
        auto const waited = co_await connection_.wait(net::IoStatus::want_read, until);
        if (waited != net::IoStatus::ok) co_return net::IoResult{waited, 0};
    }
    make_room(most);
    std::span const room(buffer_.data() + end_, buffer_.capacity() - end_);
    auto const result = co_await connection_.read(room, until);
    if (result.status == net::IoStatus::ok) end_ += result.bytes;
    if (empty()) compact();
    co_return result;
}

}  // namespace sluice::http
