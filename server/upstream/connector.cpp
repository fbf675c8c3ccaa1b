#include "server/upstream/connector.hpp"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "server/http/response_head.hpp"

namespace sluice::upstream {
namespace {

constexpr int receive_buffer = 256 * 1024;
constexpr std::size_t largest_proxy_head = 8 * 1024;

Error unavailable(std::string detail) {
    return Error{.kind = ErrorKind::upstream_unavailable, .detail = std::move(detail)};
}

/// What a wait on a connection that is being opened came to, as an error.
Error failed_step(net::IoStatus status, std::string const& step, Cancellation const& cancellation) {
    if (status == net::IoStatus::cancelled) return net::cancelled_error(cancellation);
    return unavailable(step + (status == net::IoStatus::expired ? " timed out" : " failed"));
}

}  // namespace

Result<net::TlsContext> TlsContexts::get(std::string const& ca_file) {
    std::scoped_lock const lock(mutex_);
    auto& context = contexts_[ca_file];
    if (!context) {
        SLUICE_TRY(context, net::client_context(ca_file));
    }
    return context;
}

Result<> TlsContexts::reload(std::string const& ca_file) {
    SLUICE_TRY(auto context, net::client_context(ca_file));
    std::scoped_lock const lock(mutex_);
    contexts_[ca_file] = std::move(context);
    return {};
}

std::string base64(std::string_view bytes) {
    std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    auto const size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<unsigned char const*>(bytes.data()), static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

Task<Result<std::unique_ptr<net::Connection>>> Connector::connect(Pool& pool, ConnectOptions const& options) {
    auto const& origin = pool.origin();
    if (options.cancellation) co_return std::unexpected(net::cancelled_error(options.cancellation));
    SLUICE_CO_TRY(auto connection, co_await open(pool.proxy() ? *pool.proxy() : origin, options));
    if (origin.scheme == Scheme::http) co_return connection;
    if (pool.proxy()) {
        SLUICE_CO_CHECK(co_await tunnel(*connection, origin, *pool.proxy(), options));
    }
    SLUICE_CO_CHECK(co_await start_tls(*connection, pool, options));
    co_return connection;
}

Task<Result<std::unique_ptr<net::Connection>>> Connector::open(Origin const& to, ConnectOptions const& options) {
    auto const until = earlier(options.deadline, after(worker_.now(), options.timeout.connect));
    SLUICE_CO_TRY(auto const addresses, co_await resolver_.resolve(to.host, until, options.cancellation));
    Error last = unavailable("no address for " + to.host);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        auto const address = addresses[i].with_port(to.port);
        net::OwnedFd socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!socket) {
            last = unavailable("no socket: " + std::generic_category().message(errno));
            continue;
        }
        net::tune(socket.get(), receive_buffer, 0);
        auto connection = std::make_unique<net::Connection>(worker_, std::move(socket));
        connection->observe(observer_);
        // What is left of the time is shared by the addresses that are left, so that a dead family can't use it up.
        auto const now = worker_.now();
        auto const share = (until - now) / static_cast<long>(addresses.size() - i);
        net::IoStatus status{};
        {
            Cancellation::Hook hook(options.cancellation, *connection);
            status = co_await connection->connect(address, until == never ? never : now + share);
        }
        if (status == net::IoStatus::ok) co_return connection;
        last = failed_step(status, "connecting to " + address.host(), options.cancellation);
        if (status == net::IoStatus::cancelled) break;
    }
    co_return std::unexpected(last);
}

Task<Result<>> Connector::tunnel(net::Connection& connection, Origin const& to, Origin const& proxy,
                                 ConnectOptions const& options) {
    auto const target =
        (to.host.find(':') == std::string::npos ? to.host : "[" + to.host + "]") + ":" + std::to_string(to.port);
    std::string request = "CONNECT " + target + " HTTP/1.1\r\nhost: " + target + "\r\n";
    if (!proxy.credentials.empty()) request += "proxy-authorization: Basic " + base64(proxy.credentials) + "\r\n";
    request += "\r\n";
    std::array const pieces{std::string_view(request)};
    Cancellation::Hook hook(options.cancellation, connection);
    auto const sent = co_await connection.write_all(pieces, options.timeout.connect);
    if (sent != net::IoStatus::ok) co_return std::unexpected(failed_step(sent, "proxy", options.cancellation));

    auto const until = earlier(options.deadline, after(worker_.now(), options.timeout.connect));
    std::string answer;
    http::ResponseHeadParser parser;
    while (answer.size() < largest_proxy_head) {
        // One byte at a time would be exact; what a proxy sends behind its head before TLS began is a fault anyway.
        std::array<char, 1024> bytes{};
        auto const got = co_await connection.read(bytes, until);
        if (got.status != net::IoStatus::ok) {
            co_return std::unexpected(failed_step(got.status, "proxy", options.cancellation));
        }
        answer.append(bytes.data(), got.bytes);
        auto const state = parser.parse(answer);
        if (state == http::HeadState::error) break;
        if (state == http::HeadState::need_more) continue;
        if (parser.head().status / 100 == 2 && parser.head().size == answer.size()) co_return Result<>{};
        co_return std::unexpected(unavailable("the proxy answered " + std::to_string(parser.head().status)));
    }
    co_return std::unexpected(unavailable("the proxy sent an invalid answer"));
}

Task<Result<>> Connector::start_tls(net::Connection& connection, Pool& pool, ConnectOptions const& options) {
    SLUICE_CO_TRY(auto const context, contexts_.get(options.ca_file));
    connection.use_tls(net::client_handle(context, pool.origin().host, pool.ticket().get(), &pool.ticket()));
    auto const until = earlier(options.deadline, after(worker_.now(), options.timeout.tls));
    net::IoStatus status{};
    {
        Cancellation::Hook hook(options.cancellation, connection);
        status = co_await connection.handshake(until);
    }
    if (status == net::IoStatus::ok) co_return Result<>{};
    if (status != net::IoStatus::failed) {
        co_return std::unexpected(failed_step(status, "TLS handshake", options.cancellation));
    }
    auto const verified = SSL_get_verify_result(connection.tls());
    auto const why = verified == X509_V_OK ? net::tls_error_text() : X509_verify_cert_error_string(verified);
    co_return std::unexpected(unavailable("TLS handshake with " + pool.origin().host + " failed: " + why));
}

}  // namespace sluice::upstream
