#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/pipeline/ports.hpp"
#include "server/http/chunked.hpp"
#include "server/http/response_head.hpp"
#include "server/upstream/connector.hpp"
#include "server/upstream/pool.hpp"

namespace sluice::upstream {

/// Parsers with their memory, for the exchanges of a worker: one is needed only while a head arrives, which mostly is
/// all at once.
class HeadParsers {
public:
    std::unique_ptr<http::ResponseHeadParser> take();
    void give_back(std::unique_ptr<http::ResponseHeadParser> parser);

private:
    std::vector<std::unique_ptr<http::ResponseHeadParser>> free_;
};

/// What an exchange needs of its worker, beside its own pool.
struct ExchangeContext {
    net::Worker& worker;
    Connector& connector;
    HeadParsers& parsers;
};

/// One request and its answer over one pooled connection. The connection goes back to its pool only when somebody has
/// said that the answer makes sense, and it ended exactly at its boundary, and nothing was cancelled, late or left
/// over; in every other case it dies with this.
class HttpExchange final : public Exchange, public Recycled {
public:
    HttpExchange(ExchangeContext context, UpstreamCall const& call, Pool::Slot slot);
    ~HttpExchange() override;

    /// Takes a connection and sends the request.
    Task<Result<>> send();

    Task<Result<UpstreamHead const*>> head(Instant until) override;
    Task<Result<std::string_view>> read(Instant until) override;
    void forget_head() override { head_.headers = Headers(); }
    void keep_connection() override;
    bool reused_connection() const override { return reused_; }
    Duration connect_time() const override { return connect_time_; }

private:
    static constexpr std::uint64_t small_answer = 64 * 1024;  ///< taken also when memory is tight

    Task<Result<>> open_connection();
    Task<Result<>> write_request();
    Task<Result<>> receive(Instant until);
    Result<bool> parse_head();
    Result<std::string_view> take_body();
    Result<> count_whole(std::size_t bytes);
    void give_back_if_clean();
    bool may_send_again() const;
    std::string_view buffered() const { return {buffer_ ? buffer_.data() + begin_ : "", end_ - begin_}; }

    ExchangeContext context_;
    UpstreamCall const& call_;
    bool const collected_;  ///< its answer is whole before anybody sees it
    Pool::Slot slot_;
    Pool::Pooled pooled_;
    bool reused_ = false;
    bool repeated_ = false;
    bool connection_ended_ = false;
    bool sent_whole_ = false;  ///< else the connection is out of step, whatever the answer says
    Duration connect_time_{0};

    net::Buffer buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool received_anything_ = false;

    std::unique_ptr<http::ResponseHeadParser> parser_;  ///< while the head arrives
    UpstreamHead head_;
    bool head_complete_ = false;
    unsigned interim_answers_ = 0;
    bool keep_alive_ = false;
    http::BodyKind body_ = http::BodyKind::none;
    std::uint64_t left_ = 0;  ///< of a body with a length
    http::ChunkedDecoder chunks_;
    std::uint64_t whole_ = 0;  ///< bytes so far of a collected answer
    std::uint64_t counted_ = small_answer;
    bool complete_ = false;
    bool kept_ = false;
};

}  // namespace sluice::upstream
