#include "server/http/body_reader.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace sluice::http {
namespace {

constexpr std::size_t first_room = 256 * 1024;  // an announced length is not believed until its bytes are here
constexpr std::size_t chunked_room = 16 * 1024;
constexpr std::uint64_t small_body = 64 * 1024;  // read also when memory is tight
constexpr std::uint64_t drain_limit = 64 * 1024;
constexpr milliseconds drain_patience{1'000};

Error too_large(std::uint64_t limit) {
    return Error{.kind = ErrorKind::request_too_large,
                 .message = "the request body is larger than the limit of " + std::to_string(limit) + " bytes"};
}

Error no_room(net::MemoryGuard& memory) {
    memory.count_refusal();
    return Error{.kind = ErrorKind::overloaded,
                 .message = "the gateway has no room for a large body now; retry soon",
                 .retry_after = seconds(1)};
}

}  // namespace

BodyReader::BodyReader(Input& input, Reply& reply, RequestHead const& head, Cancellation& cancellation, Instant started,
                       std::function<void()> when_complete)
    : input_(input),
      reply_(reply),
      head_(head),
      cancellation_(cancellation),
      when_complete_(std::move(when_complete)),
      started_(started),
      complete_(head.body == BodyKind::none) {
    if (complete_) completed();
}

void BodyReader::completed() {
    complete_ = true;
    if (when_complete_) when_complete_();
}

Task<Result<std::string_view>> BodyReader::read(LimitSettings const& limits) {
    if (complete_) co_return std::string_view();
    if (head_.body == BodyKind::length && head_.content_length > limits.body_bytes) {
        co_return std::unexpected(too_large(limits.body_bytes));
    }
    if (head_.body == BodyKind::length && head_.content_length > small_body) {
        auto* const memory = input_.connection().worker().memory();
        if (memory && !memory->fits(head_.content_length)) co_return std::unexpected(no_room(*memory));
    }
    if (head_.expect_continue && input_.buffered().size() == head_.size) {
        SLUICE_CO_CHECK(co_await reply_.send_continue());
    }
    if (head_.body == BodyKind::length) co_return co_await read_length(limits);
    co_return co_await read_chunked(limits);
}

std::string_view BodyReader::take_buffered(std::uint64_t most) {
    auto const arrived = input_.buffered().substr(head_.size);
    taken_ = static_cast<std::size_t>(std::min<std::uint64_t>(arrived.size(), most));
    return arrived.substr(0, taken_);
}

Task<Result<std::string_view>> BodyReader::read_length(LimitSettings const& limits) {
    auto const total = static_cast<std::size_t>(head_.content_length);
    auto const arrived = take_buffered(total);
    received_ = arrived.size();
    if (arrived.size() == total) {
        completed();
        co_return arrived;
    }
    SLUICE_CO_CHECK(make_room(0, std::min(total, first_room)));
    std::memcpy(body_.data(), arrived.data(), arrived.size());
    while (received_ < total) {
        auto const used = static_cast<std::size_t>(received_);
        if (used == body_.capacity()) SLUICE_CO_CHECK(make_room(used, std::min(total, 2 * used)));
        auto const room = std::min(body_.capacity(), total) - used;
        SLUICE_CO_TRY(auto const bytes, co_await receive(std::span(body_.data() + used, room), limits));
        received_ += bytes;
    }
    completed();
    co_return std::string_view(body_.data(), total);
}

Task<Result<std::string_view>> BodyReader::read_chunked(LimitSettings const& limits) {
    // All of it, whatever the limit: what stayed behind would be read after what comes next from the socket.
    auto const arrived = take_buffered();
    SLUICE_CO_CHECK(make_room(0, std::max(arrived.size(), chunked_room)));
    std::memcpy(body_.data(), arrived.data(), arrived.size());
    std::size_t decoded = 0;
    std::size_t fresh = arrived.size();
    while (true) {
        auto const step = chunks_.decode(body_.data() + decoded, fresh);
        if (step.error != ChunkError::none) {
            auto const why = describe(step.error);
            auto const kind = why.status == 413 ? ErrorKind::request_too_large : ErrorKind::invalid_framing;
            co_return std::unexpected(Error{.kind = kind,
                                            .message = std::string(why.message),
                                            .code = std::string(why.code),
                                            .status = why.status});
        }
        auto const raw = decoded;
        decoded += step.payload;
        received_ = decoded;
        if (decoded > limits.body_bytes || chunks_.announced() > limits.body_bytes) {
            co_return std::unexpected(too_large(limits.body_bytes));
        }
        if (step.done) {
            completed();
            std::size_t const behind = fresh - step.consumed;
            // simdjson may read, but never looks at, what stands behind the body.
            left_over_ = std::string_view(body_.data() + raw + step.consumed, behind);
            co_return std::string_view(body_.data(), decoded);
        }
        if (body_.capacity() - decoded < chunked_room / 4) {
            SLUICE_CO_CHECK(make_room(decoded, 2 * body_.capacity()));
        }
        std::span const room(body_.data() + decoded, body_.capacity() - decoded);
        SLUICE_CO_TRY(fresh, co_await receive(room, limits));
    }
}

Result<> BodyReader::make_room(std::size_t used, std::uint64_t needed) {
    auto* const memory = input_.connection().worker().memory();
    if (needed > small_body && memory && !memory->take(needed - used)) return std::unexpected(no_room(*memory));
    auto larger = input_.connection().worker().buffers().take(static_cast<std::size_t>(needed));
    if (used > 0) std::memcpy(larger.data(), body_.data(), used);
    body_ = std::move(larger);
    return {};
}

bool BodyReader::too_slow(LimitSettings const& limits, Instant now) const {
    auto const elapsed = now - started_;
    if (limits.body_min_rate == 0 || elapsed < limits.body_idle) return false;
    auto const expected =
        std::chrono::duration_cast<seconds>(elapsed).count() * static_cast<long>(limits.body_min_rate);
    return static_cast<long>(received_) < expected;
}

Task<Result<std::size_t>> BodyReader::receive(std::span<char> room, LimitSettings const& limits) {
    auto& connection = input_.connection();
    auto const now = connection.worker().now();
    auto const until = earlier(after(now, limits.body_idle), after(started_, limits.body_total));
    if (too_slow(limits, now)) {
        co_return std::unexpected(
            Error{.kind = ErrorKind::request_timeout, .message = "the request body came too slowly"});
    }
    Cancellation::Hook hook(cancellation_, connection);
    auto const result = co_await connection.read(room, until);
    if (result.status == net::IoStatus::ok) co_return result.bytes;
    if (result.status == net::IoStatus::expired) {
        co_return std::unexpected(
            Error{.kind = ErrorKind::request_timeout, .message = "the request body did not arrive in time"});
    }
    if (result.status == net::IoStatus::cancelled) co_return std::unexpected(net::cancelled_error(cancellation_));
    co_return std::unexpected(Error{.kind = ErrorKind::client_closed});
}

bool BodyReader::drainable() const {
    if (complete_) return true;
    bool const begun = received_ > 0 || taken_ > 0;
    bool const too_long = head_.body == BodyKind::length && head_.content_length > drain_limit;
    return !begun && !too_long && !head_.expect_continue;
}

Task<bool> BodyReader::drain() {
    if (complete_ || !drainable()) co_return complete_;
    auto& worker = input_.connection().worker();
    LimitSettings limits;
    limits.body_bytes = drain_limit;
    limits.body_idle = limits.body_total = drain_patience;
    started_ = worker.now();
    auto const dropped = head_.body == BodyKind::length ? co_await read_length(limits) : co_await read_chunked(limits);
    co_return dropped.has_value();
}

}  // namespace sluice::http
