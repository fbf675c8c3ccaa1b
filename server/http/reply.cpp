#include "server/http/reply.hpp"

#include <ctime>
#include <vector>

#include "server/http/chunked.hpp"
#include "server/http/head_writer.hpp"

namespace sluice::http {
namespace {

/// The Date field's value, made once a second per thread (RFC 9110 5.6.7).
std::string_view http_date() {
    thread_local std::time_t made_for = 0;
    thread_local std::array<char, 40> text{};
    thread_local std::size_t size = 0;
    auto const now = std::time(nullptr);
    if (now != made_for) {
        std::tm parts{};
        gmtime_r(&now, &parts);
        size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
        made_for = now;
    }
    return {text.data(), size};
}

}  // namespace

std::string Reply::head(int status, Headers const& headers) const {
    std::string out;
    out.reserve(768);
    write_status_line(out, status);
    write_own_field(out, "date", http_date());
    // Values may come from an upstream or a client: one that could end its line is left out.
    for (auto const field : headers) std::ignore = write_known_field(out, field.name, field.value);
    for (auto const field : common_) std::ignore = write_known_field(out, field.name, field.value);
    if (!rules_.keep_open) {
        write_own_field(out, "connection", "close");
    } else if (rules_.minor_version == 0) {
        write_own_field(out, "connection", "keep-alive");
    }
    return out;
}

Task<Result<>> Reply::answer(int status, Headers const& headers, Pieces body) {
    status_ = status;
    std::size_t size = 0;
    for (auto piece : body) size += piece.size();
    auto text = head(status, headers);
    if (status != 204) write_number_field(text, "content-length", size);
    write_head_end(text);
    state_ = State::finished;

    RecycledVector<std::string_view> pieces;
    pieces.reserve(body.size() + 1);
    pieces.emplace_back(text);
    if (!rules_.head_only && status != 204) {
        for (auto piece : body) {
            if (!piece.empty()) pieces.push_back(piece);
        }
    }
    co_return co_await send(pieces);
}

Task<Result<>> Reply::start_stream(Headers const& headers) {
    status_ = 200;
    state_ = State::streaming;
    if (rules_.minor_version == 0)
        rules_.keep_open = false;  // no chunks there: the end of the connection ends the body
    auto text = head(200, headers);
    if (rules_.minor_version > 0) write_own_field(text, "transfer-encoding", "chunked");
    write_head_end(text);
    unsent_head_ = std::move(text);
    co_return Result<>{};
}

Task<Result<>> Reply::write(Pieces pieces) {
    std::size_t size = 0;
    for (auto piece : pieces) size += piece.size();
    if (size == 0) co_return Result<>{};  // an empty chunk would end the body
    bool const chunked = rules_.minor_version > 0;
    std::array<char, 20> room{};
    begin_frame();
    if (chunked) frame_.push_back(chunk_header(room, size));
    frame_.insert(frame_.end(), pieces.begin(), pieces.end());
    if (chunked) frame_.push_back(chunk_end);
    co_return co_await send_frame();
}

Task<Result<>> Reply::end_stream(bool keep_open) {
    state_ = State::finished;
    if (!keep_open) rules_.keep_open = false;
    begin_frame();
    if (rules_.minor_version > 0) frame_.push_back(last_chunk);
    co_return co_await send_frame();
}

void Reply::begin_frame() {
    frame_.clear();
    if (!unsent_head_.empty()) frame_.emplace_back(unsent_head_);
}

Task<Result<>> Reply::send_frame() {
    if (frame_.empty()) co_return Result<>{};
    auto sent = co_await send(frame_);
    if (sent || failed_) unsent_head_ = std::string();
    co_return sent;
}

Task<Result<>> Reply::send_continue() {
    std::array const pieces{std::string_view("HTTP/1.1 100 Continue\r\n\r\n")};
    co_return co_await send(pieces);
}

Task<Result<>> Reply::send(Pieces pieces) {
    if (failed_) co_return std::unexpected(Error{.kind = ErrorKind::client_closed});
    bool const was_cancelled = static_cast<bool>(cancellation_);
    co_await connection_.worker().sending_turn();
    // Nothing of a stream's piece has been sent: its end can still be.
    if (state_ == State::streaming && cancellation_ && !was_cancelled)
        co_return std::unexpected(net::cancelled_error(cancellation_));
    net::IoStatus status{};
    {
        Cancellation::Hook hook(cancellation_, connection_);
        status = co_await connection_.write_all(pieces, write_stall_);
    }
    if (status == net::IoStatus::ok) {
        for (auto piece : pieces) bytes_out_ += piece.size();
        co_return Result<>{};
    }
    failed_ = true;
    rules_.keep_open = false;
    if (status == net::IoStatus::cancelled && cancellation_)
        co_return std::unexpected(net::cancelled_error(cancellation_));
    cancellation_.trigger(CancelReason::client_left);
    co_return std::unexpected(Error{.kind = ErrorKind::client_closed,
                                    .detail = status == net::IoStatus::expired ? "the client stopped reading" : ""});
}

}  // namespace sluice::http
