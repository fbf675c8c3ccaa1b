#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::bench {

/// Takes one HTTP/1.1 answer apart as its bytes arrive, cut anywhere. Copies only a head or a size line that was cut.
class ResponseReader {
public:
    /// Takes bytes off the front of `input` and returns the next piece of body among them. Empty when `input` is used
    /// up, the answer is complete (what is left in `input` belongs to the next) or broken.
    std::string_view take(std::string_view& input);

    /// The connection ended: completes an answer that is framed by that.
    void end_of_input();
    void restart();

    bool complete() const { return state_ == State::complete; }
    bool broken() const { return state_ == State::broken; }
    bool untouched() const { return state_ == State::head && head_.empty(); }
    bool keep_alive() const { return keep_alive_; }
    int status() const { return status_; }
    bool has_retry_after() const { return has_retry_after_; }

private:
    enum class State : std::uint8_t {
        head,
        sized,
        chunk_size,
        chunk,
        chunk_end,
        trailer,
        until_close,
        complete,
        broken
    };

    void take_head(std::string_view& input);
    void read_head(std::string_view head);
    void read_field(std::string_view name, std::string_view value);
    void take_chunk_size(std::string_view& input);
    void take_line_end(std::string_view& input);
    void take_trailer(std::string_view& input);
    std::string_view take_body(std::string_view& input);

    State state_ = State::head;
    State framing_ = State::until_close;
    bool keep_alive_ = true;
    bool has_retry_after_ = false;
    bool size_seen_ = false;     // a digit of the chunk size was read
    bool in_extension_ = false;  // past the digits of the size line
    int status_ = 0;
    std::uint64_t left_ = 0;  // bytes of body or chunk to come
    std::size_t trailer_line_ = 0;
    std::string head_;  // a head that arrived in more than one piece
};

}  // namespace sluice::bench
