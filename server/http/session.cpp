#include "server/http/session.hpp"

#include <array>
#include <utility>
#include <vector>

#include "core/pipeline/reply.hpp"
#include "server/http/session_set.hpp"

namespace sluice::http {
namespace {

constexpr milliseconds linger_time{1'000};
constexpr std::size_t most_pipelined = 16 * 1024;  // then the client waits, and its end is noticed late
constexpr std::size_t linger_bytes = 256 * 1024;

bool acceptable_id(std::string_view id) {
    if (id.empty() || id.size() > 128) return false;
    for (char c : id) {
        bool const letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '.' && c != '_' && c != '-') return false;
    }
    return true;
}

ErrorKind kind_of(HeadError error) {
    switch (describe(error).status) {
        case 414:
            return ErrorKind::uri_too_long;
        case 431:
            return ErrorKind::headers_too_large;
        case 501:
            return ErrorKind::not_implemented;
        case 505:
            return ErrorKind::version_not_supported;
        default:
            return ErrorKind::malformed_http;
    }
}

Error to_error(HeadError error) {
    auto const info = describe(error);
    return Error{.kind = kind_of(error),
                 .message = std::string(info.message),
                 .code = std::string(info.code),
                 .status = info.status};
}

}  // namespace

Session::Session(net::Worker& worker, net::OwnedFd socket, net::TlsHandle tls, std::string peer, Handler& handler,
                 SessionSet& sessions)
    : worker_(worker),
      connection_(worker, std::move(socket)),
      peer_(std::move(peer)),
      handler_(handler),
      sessions_(sessions),
      input_(connection_),
      parser_(HeadLimits{.head = handler.limits().header_bytes,
                         .fields = handler.limits().header_fields,
                         .target = handler.limits().target_bytes}) {
    if (tls) connection_.use_tls(std::move(tls));
    sessions_.add(*this);
}

Session::~Session() { sessions_.remove(*this); }

Task<> Session::run() {
    if (connection_.uses_tls()) {
        auto const shaken = co_await connection_.handshake(after(worker_.now(), handler_.limits().header_timeout));
        if (shaken != net::IoStatus::ok) co_return;
    }
    while (co_await serve_one() == Next::request) {
    }
}

Task<Session::Next> Session::serve_one() {
    input_.compact();
    parser_.reset();
    if (co_await read_head() == Next::close) co_return Next::close;

    auto const& head = parser_.head();
    auto const received_at = worker_.now();
    Cancellation cancellation;
    Reply reply(connection_, cancellation, rules(head.keep_alive), handler_.limits().write_stall);
    cancellation_ = &cancellation;
    reply_ = &reply;
    BodyReader body(input_, reply, head, cancellation, received_at, [this] { watch_client(); });
    reply.when_forgotten([this, &body] { forget(body); });
    std::string scratch;
    auto const path = normalise(head.target, scratch);
    ServerRequest request{.head = head,
                          .path = path.value_or(NormalPath{}),
                          .request_id = request_id(),
                          .peer = peer_,
                          .received_at = received_at,
                          .started_at = std::chrono::system_clock::now(),
                          .cancellation = cancellation,
                          .reply = reply,
                          .body = body};
    {
        SessionSet::Busy const busy(sessions_);
        co_await handler_.handle(request);
    }
    connection_.unwatch();
    cancellation_ = nullptr;
    reply_ = nullptr;
    co_return co_await finish(request);
}

Task<Session::Next> Session::read_head() {
    LimitSettings const limits = handler_.limits();  // a copy: a reload may end the life of these while we wait
    auto state = input_.empty() ? HeadState::need_more : parser_.parse(input_.buffered());
    quiet_since_ = worker_.now();
    auto until = after(quiet_since_, first_ || !input_.empty() ? limits.header_timeout : limits.keep_alive);
    while (state == HeadState::need_more) {
        bool const idle = !first_ && input_.empty();
        waiting_quiet_ = input_.empty();
        auto result = co_await input_.fill(limits.header_bytes + 1, until);
        // close_if_quiet() has ended the wait: what the client sent at that very moment is still served.
        if (result.status == net::IoStatus::cancelled && std::exchange(waiting_quiet_, false)) {
            result = co_await input_.fill(limits.header_bytes + 1, worker_.now());
            if (result.status == net::IoStatus::expired) co_return Next::close;
        }
        waiting_quiet_ = false;
        if (result.status == net::IoStatus::expired && !idle) {
            Error late{.kind = ErrorKind::request_timeout, .message = "the request header did not arrive in time"};
            co_return co_await refuse(std::move(late));
        }
        if (result.status != net::IoStatus::ok) co_return Next::close;
        state = parser_.parse(input_.buffered());
        if (idle && state == HeadState::need_more) until = after(worker_.now(), limits.header_timeout);
    }
    first_ = false;
    if (state == HeadState::error) co_return co_await refuse(to_error(parser_.error()));
    co_return Next::request;
}

Task<Session::Next> Session::refuse(Error error) {
    Cancellation cancellation;
    Reply reply(connection_, cancellation, ReplyRules{.keep_open = false}, handler_.limits().write_stall);
    RequestHead const none;
    auto const received_at = worker_.now();
    BodyReader body(input_, reply, none, cancellation, received_at, nullptr);
    ServerRequest request{.head = none,
                          .path = {},
                          .request_id = request_id(),
                          .peer = peer_,
                          .received_at = received_at,
                          .started_at = std::chrono::system_clock::now(),
                          .cancellation = cancellation,
                          .reply = reply,
                          .body = body};
    Headers headers;
    headers.add("x-request-id", request.request_id);
    std::ignore = co_await answer_error(reply, error, std::move(headers), worker_.random());
    handler_.refused(request, error);
    co_await linger();
    co_return Next::close;
}

/// Frees what the request took, unless something else stands behind it.
void Session::forget(BodyReader& body) {
    auto const size = parser_.head().size + body.taken_from_input();
    if (!body.left_over().empty() || input_.buffered().size() != size) return;
    forgotten_ = true;
    input_.consume(size);
    input_.compact();
    body.release();
}

Task<Session::Next> Session::finish(ServerRequest const& request) {
    bool const drained = co_await request.body.drain();
    connection_.unwatch();
    bool const client_left =
        request.cancellation.reason() == CancelReason::client_left;  // also what it pipelined is void
    if (!drained || !request.reply.reusable() || client_left) {
        if (request.reply.finished() && !client_left) co_await linger();
        if (!request.reply.finished()) connection_.abort();  // nothing more can be said: no orderly end
        co_return Next::close;
    }
    if (!std::exchange(forgotten_, false)) input_.consume(request.head.size + request.body.taken_from_input());
    input_.append(request.body.left_over());
    input_.append(early_);
    early_.clear();
    co_return Next::request;
}

ReplyRules Session::rules(bool keep_alive) const {
    return ReplyRules{.minor_version = parser_.head().minor_version,
                      .head_only = parser_.head().method == "HEAD",
                      .keep_open = keep_alive && !sessions_.draining()};
}

std::string Session::request_id() {
    auto const given = parser_.head().find("x-request-id");
    if (parser_.error() == HeadError::none && acceptable_id(given)) return std::string(given);
    constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuv";
    std::array<char, 24> id{'r', 'e', 'q', '_'};
    auto* end = id.data() + 4;
    for (int part = 0; part < 2; ++part) {
        auto bits = worker_.random_bits();
        for (int i = 0; i < 10; ++i, bits >>= 5) *end++ = digits[bits % 32];
    }
    return {id.data(), id.size()};
}

// While a request is worked on, the only news from its client that matter are pipelined bytes, which are kept as far as
// there is room, and its end.
void Session::watch_client() {
    connection_.watch([this] { client_readable(); });
}

void Session::client_readable() {
    std::array<char, 2048> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    while (early_.size() < most_pipelined) {
        auto const result = connection_.read_some(bytes);
        if (result.status == net::IoStatus::ok) {
            early_.append(bytes.data(), result.bytes);
        } else if (result.status == net::IoStatus::want_read || result.status == net::IoStatus::want_write) {
            return watch_client();
        } else {
            if (cancellation_) cancellation_->trigger(CancelReason::client_left);
            return;
        }
    }
}

Task<> Session::linger() {
    connection_.shutdown_send();
    auto const until = worker_.now() + linger_time;
    auto dropped = worker_.buffers().take(4096);
    std::span const room(dropped.data(), dropped.capacity());
    for (std::size_t bytes = 0; bytes < linger_bytes;) {
        auto const result = co_await connection_.read(room, until);
        if (result.status != net::IoStatus::ok) co_return;
        bytes += result.bytes;
    }
}

void Session::close_afterwards() {
    if (reply_ && !reply_->stream_started()) reply_->close_afterwards();
}

void Session::close_if_quiet(Duration time) {
    if (waiting_quiet_ && worker_.now() - quiet_since_ >= time) connection_.cancelled();
}

void Session::cancel() {
    if (cancellation_) {
        cancellation_->trigger(CancelReason::server_shutdown);
    } else {
        connection_.cancelled();
    }
}

void SessionSet::start_draining() {
    draining_ = true;
    for (auto* session : sessions_) session->close_afterwards();
}

void SessionSet::close_quiet(Duration time) {
    auto const now_open = std::vector(sessions_.begin(), sessions_.end());  // sessions leave the set while they close
    for (auto* session : now_open) {
        if (sessions_.contains(session)) session->close_if_quiet(time);
    }
}

void SessionSet::cancel_all() {
    auto const now_open = std::vector(sessions_.begin(), sessions_.end());
    for (auto* session : now_open) {
        if (sessions_.contains(session)) session->cancel();
    }
}

}  // namespace sluice::http
