#include "server/upstream/exchange.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "server/http/characters.hpp"
#include "server/upstream/request_head.hpp"

namespace sluice::upstream {
namespace {

constexpr std::size_t stream_room = 16 * 1024;
constexpr std::size_t answer_room = 64 * 1024;
constexpr std::size_t largest_head = http::response_head_limits.head;
constexpr unsigned most_interim_answers = 20;
constexpr std::size_t usual_fields = 8;  ///< of an answer that are of interest
constexpr std::size_t most_kept_parsers = 8;
constexpr milliseconds write_stall{30'000};

Error invalid(std::string detail) {
    return Error{.kind = ErrorKind::upstream_invalid_response, .detail = std::move(detail)};
}

/// The fields of an answer that anybody here looks at; the others are never kept.
bool of_interest(std::string_view name, std::vector<std::string> const& answer_headers) {
    constexpr std::array names{std::string_view("content-type"),         std::string_view("content-length"),
                               std::string_view("content-encoding"),     std::string_view("retry-after"),
                               std::string_view("retry-after-ms"),       std::string_view("x-ms-retry-after-ms"),
                               std::string_view("x-request-id"),         std::string_view("request-id"),
                               std::string_view("apim-request-id"),      std::string_view("x-should-retry"),
                               std::string_view("openai-processing-ms"), std::string_view("x-generation-id"),
                               std::string_view("x-amzn-errortype")};
    for (auto known : names) {
        if (http::equals_ignoring_case(known, name)) return true;
    }
    // The families in which providers speak of limits.
    constexpr std::array families{std::string_view("x-ratelimit"), std::string_view("anthropic-ratelimit-"),
                                  std::string_view("x-tokenlimit-"), std::string_view("ratelimit")};
    for (auto family : families) {
        if (http::equals_ignoring_case(name.substr(0, family.size()), family)) return true;
    }
    return std::ranges::any_of(answer_headers,
                               [name](auto const& known) { return http::equals_ignoring_case(known, name); });
}

}  // namespace

std::unique_ptr<http::ResponseHeadParser> HeadParsers::take() {
    if (free_.empty()) return std::make_unique<http::ResponseHeadParser>();
    auto parser = std::move(free_.back());
    free_.pop_back();
    return parser;
}

void HeadParsers::give_back(std::unique_ptr<http::ResponseHeadParser> parser) {
    if (free_.size() >= most_kept_parsers) return;
    parser->reset();
    free_.push_back(std::move(parser));
}

HttpExchange::HttpExchange(ExchangeContext context, UpstreamCall const& call, Pool::Slot slot)
    : context_(context), call_(call), collected_(call.accept == "application/json"), slot_(std::move(slot)) {}

HttpExchange::~HttpExchange() = default;

Task<Result<>> HttpExchange::send() {
    co_await context_.worker.sending_turn();
    if (call_.cancellation) co_return std::unexpected(net::cancelled_error(call_.cancellation));
    pooled_ = slot_->take_idle(call_.provider.pool);
    reused_ = pooled_.connection != nullptr;
    if (!reused_) {
        SLUICE_CO_CHECK(co_await open_connection());
    }
    co_return co_await write_request();
}

Task<Result<>> HttpExchange::open_connection() {
    auto const began = context_.worker.now();
    ConnectOptions const options{.ca_file = call_.provider.ca_file,
                                 .timeout = call_.timeout,
                                 .deadline = call_.deadline,
                                 .cancellation = call_.cancellation};
    SLUICE_CO_TRY(pooled_.connection, co_await context_.connector.connect(*slot_.operator->(), options));
    pooled_.opened_at = context_.worker.now();
    pooled_.share_of_max_age = 0.9 + 0.2 * context_.worker.random();
    connect_time_ = pooled_.opened_at - began;
    co_return Result<>{};
}

Task<Result<>> HttpExchange::write_request() {
    auto const text = request_head(call_, slot_->origin(), slot_->fixed_fields(), slot_->proxy());
    RecycledVector<std::string_view> pieces;
    pieces.reserve(call_.body.size() + 1);
    pieces.emplace_back(text);
    pieces.insert(pieces.end(), call_.body.begin(), call_.body.end());
    net::IoStatus status{};
    {
        auto* const connection = pooled_.connection.get();
        Cancellation::Hook hook(call_.cancellation, *connection);
        status = co_await connection->write_all(pieces, write_stall, call_.deadline);
    }
    sent_whole_ = status == net::IoStatus::ok;
    if (status == net::IoStatus::cancelled) co_return std::unexpected(net::cancelled_error(call_.cancellation));
    if (status == net::IoStatus::expired) {
        bool const late = context_.worker.now() >= call_.deadline;
        co_return std::unexpected(Error{.kind = late ? ErrorKind::upstream_timeout : ErrorKind::upstream_unavailable,
                                        .detail = "the upstream does not take the request"});
    }
    // After a failed write the upstream's answer may still be there (413 before the body was read): head() looks.
    co_return Result<>{};
}

Task<Result<>> HttpExchange::receive(Instant until) {
    auto& connection = *pooled_.connection;
    if (call_.cancellation) co_return std::unexpected(net::cancelled_error(call_.cancellation));
    Cancellation::Hook hook(call_.cancellation, connection);
    if (begin_ == end_) {
        begin_ = end_ = 0;
        // No buffer while nothing is there: thousands of streams wait like this.
        if (!connection.has_pending()) {
            buffer_ = net::Buffer();
            auto const waited = co_await connection.wait(net::IoStatus::want_read, until);
            if (waited == net::IoStatus::cancelled) co_return std::unexpected(net::cancelled_error(call_.cancellation));
            if (waited != net::IoStatus::ok) co_return std::unexpected(Error{.kind = ErrorKind::upstream_timeout});
        }
    }
    if (!buffer_) {
        buffer_ = context_.worker.buffers().take(collected_ ? answer_room : stream_room);
    }
    if (end_ == buffer_.capacity()) {  // only a head that is not complete can fill it
        auto larger = context_.worker.buffers().take(2 * (end_ - begin_));
        std::memcpy(larger.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        buffer_ = std::move(larger);
    }
    std::span const room(buffer_.data() + end_, buffer_.capacity() - end_);
    auto const result = co_await connection.read(room, until);
    switch (result.status) {
        case net::IoStatus::ok:
            end_ += result.bytes;
            received_anything_ = true;
            break;
        case net::IoStatus::expired:
            co_return std::unexpected(Error{.kind = ErrorKind::upstream_timeout});
        case net::IoStatus::cancelled:
            co_return std::unexpected(net::cancelled_error(call_.cancellation));
        case net::IoStatus::failed:
            connection_ended_ = true;
            co_return std::unexpected(
                Error{.kind = ErrorKind::upstream_unavailable, .detail = "the upstream reset the connection"});
        default:
            connection_ended_ = true;
            break;
    }
    co_return Result<>{};
}

bool HttpExchange::may_send_again() const { return reused_ && !repeated_ && !received_anything_; }

Task<Result<UpstreamHead const*>> HttpExchange::head(Instant until) {
    while (!head_complete_) {
        auto received = co_await receive(until);
        if (connection_ended_ && may_send_again()) {
            // The upstream closed an idle connection while our request was on its way: nothing of it was worked on.
            repeated_ = true;
            reused_ = connection_ended_ = false;
            SLUICE_CO_CHECK(co_await open_connection());
            SLUICE_CO_CHECK(co_await write_request());
            continue;
        }
        if (!received) co_return std::unexpected(std::move(received.error()));
        if (connection_ended_) {
            co_return std::unexpected(Error{.kind = ErrorKind::upstream_unavailable,
                                            .detail = "the upstream closed the connection before its answer"});
        }
        while (!head_complete_) {
            SLUICE_CO_TRY(bool const again, parse_head());
            if (!again) break;
        }
    }
    co_return &head_;
}

/// True: something was parsed and more may stand behind it. False: needs more bytes, or the head is complete.
Result<bool> HttpExchange::parse_head() {
    if (!parser_) parser_ = context_.parsers.take();
    auto const state = parser_->parse(buffered());
    if (state == http::HeadState::error) {
        return std::unexpected(invalid("malformed head: " + std::string(http::describe(parser_->error()).message)));
    }
    if (state == http::HeadState::need_more) {
        if (end_ - begin_ >= largest_head) return std::unexpected(invalid("the head is too large"));
        return false;
    }
    auto const& parsed = parser_->head();
    begin_ += parsed.size;
    if (parsed.status < 200) {
        if (parsed.status == 101) return std::unexpected(invalid("switched protocols unasked"));
        if (++interim_answers_ > most_interim_answers) return std::unexpected(invalid("too many interim answers"));
        parser_->reset();
        return begin_ != end_;
    }
    head_.status = parsed.status;
    head_.headers.reserve(usual_fields);
    std::string name;
    for (auto const& field : parsed.fields) {
        if (!of_interest(field.name, call_.provider.answer_headers)) continue;
        name.resize(field.name.size());
        std::ranges::transform(field.name, name.begin(), http::lower);
        head_.headers.add(name, field.value);
    }
    keep_alive_ = parsed.keep_alive;
    body_ = parsed.body;
    left_ = parsed.content_length;
    head_complete_ = true;
    context_.parsers.give_back(std::move(parser_));
    if (body_ == http::BodyKind::none) {
        complete_ = true;
        give_back_if_clean();
    }
    return false;
}

Task<Result<std::string_view>> HttpExchange::read(Instant until) {
    while (!complete_) {
        if (begin_ != end_) {
            SLUICE_CO_TRY(auto const piece, take_body());
            if (!piece.empty()) {
                SLUICE_CO_CHECK(count_whole(piece.size()));
                co_return piece;
            }
            continue;
        }
        auto received = co_await receive(until);
        if (connection_ended_) {
            if (received && body_ == http::BodyKind::until_close) {
                complete_ = true;
                break;
            }
            co_return std::unexpected(
                Error{.kind = ErrorKind::stream_interrupted, .detail = "the connection ended inside the answer"});
        }
        if (!received) co_return std::unexpected(std::move(received.error()));
    }
    co_return std::string_view();
}

/// An answer that is not streamed is collected before it is passed on, in memory that doubles as it grows.
Result<> HttpExchange::count_whole(std::size_t bytes) {
    if (!collected_) return {};
    whole_ += bytes;
    auto* const memory = context_.worker.memory();
    for (; memory && whole_ > counted_; counted_ *= 2) {
        if (memory->take(2 * counted_)) continue;
        memory->count_refusal();
        return std::unexpected(Error{
            .kind = ErrorKind::overloaded, .detail = "no memory for the upstream's answer", .retry_after = seconds(1)});
    }
    return {};
}

Result<std::string_view> HttpExchange::take_body() {
    char* const data = buffer_.data() + begin_;
    std::size_t const size = end_ - begin_;
    if (body_ == http::BodyKind::until_close) {
        begin_ = end_;
        return std::string_view(data, size);
    }
    if (body_ == http::BodyKind::length) {
        auto const part = static_cast<std::size_t>(std::min<std::uint64_t>(left_, size));
        begin_ += part;
        left_ -= part;
        complete_ = left_ == 0;
        give_back_if_clean();
        return std::string_view(data, part);
    }
    auto const step = chunks_.decode(data, size);
    if (step.error != http::ChunkError::none) {
        return std::unexpected(invalid("malformed chunk: " + std::string(http::describe(step.error).message)));
    }
    begin_ += step.consumed;
    complete_ = step.done;
    give_back_if_clean();
    return std::string_view(data, step.payload);
}

void HttpExchange::keep_connection() {
    kept_ = true;
    give_back_if_clean();
}

void HttpExchange::give_back_if_clean() {
    bool const at_boundary = complete_ && begin_ == end_ && sent_whole_;
    bool const clean = at_boundary && kept_ && keep_alive_ && !connection_ended_ && !call_.cancellation;
    if (clean && pooled_.connection) slot_->put_idle(std::move(pooled_), call_.provider.pool);
}

}  // namespace sluice::upstream
