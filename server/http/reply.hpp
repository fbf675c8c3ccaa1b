#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/pipeline/ports.hpp"
#include "server/net/connection.hpp"

namespace sluice::http {

/// What the request allows the answer to be.
struct ReplyRules {
    int minor_version = 1;
    bool head_only = false;  ///< HEAD: the header fields of the answer to GET, and no body
    bool keep_open = true;   ///< false: `connection: close`, and the connection ends behind the answer
};

/// The client's side of one request: writes the answer's head and frames its body. See ReplySink.
class Reply final : public ReplySink {
public:
    Reply(net::Connection& connection, Cancellation& cancellation, ReplyRules rules, milliseconds write_stall)
        : connection_(connection), cancellation_(cancellation), rules_(rules), write_stall_(write_stall) {}

    /// Fields that the answer gets beside its own (CORS).
    void add_common(HeaderField field) { common_.add(field.name, field.value); }
    /// Called when the request's own bytes are not needed any more.
    void when_forgotten(std::function<void()> forget) { forget_ = std::move(forget); }
    /// The answer says `connection: close` if it has not begun, and the connection ends behind it in any case.
    void close_afterwards() { rules_.keep_open = false; }

    Task<Result<>> answer(int status, Headers const& headers, Pieces body) override;
    void forget_request() override {
        if (forget_) std::exchange(forget_, nullptr)();
    }
    Task<Result<>> start_stream(Headers const& headers) override;
    Task<Result<>> write(Pieces pieces) override;
    Task<Result<>> end_stream(bool keep_open) override;
    bool stream_started() const override { return state_ != State::nothing_sent; }
    std::uint64_t bytes_out() const override { return bytes_out_; }

    /// "HTTP/1.1 100 Continue", for a client that waits for it.
    Task<Result<>> send_continue();

    /// Everything went out to the last byte.
    bool finished() const { return state_ == State::finished && !failed_; }
    /// The connection may serve another request: a complete answer went out, and nobody asked to close.
    bool reusable() const { return finished() && rules_.keep_open; }
    int status() const { return status_; }

private:
    enum class State : std::uint8_t { nothing_sent, streaming, finished };

    std::string head(int status, Headers const& headers) const;
    Task<Result<>> send(Pieces pieces);
    void begin_frame();
    Task<Result<>> send_frame();

    net::Connection& connection_;
    Cancellation& cancellation_;
    ReplyRules rules_;
    milliseconds write_stall_;
    std::function<void()> forget_;
    Headers common_;
    std::string unsent_head_;              ///< of a stream; it leaves with the first write
    std::vector<std::string_view> frame_;  ///< what goes out together; kept for its memory
    State state_ = State::nothing_sent;
    int status_ = 0;
    std::uint64_t bytes_out_ = 0;
    bool failed_ = false;
};

}  // namespace sluice::http
