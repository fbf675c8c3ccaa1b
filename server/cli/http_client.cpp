#include "server/cli/http_client.hpp"

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <cctype>

#include "server/upstream/origin.hpp"

namespace sluice::cli {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

Error unreachable(std::string const& what, boost::system::error_code error) {
    return Error{.kind = ErrorKind::upstream_unavailable, .detail = what + ": " + error.message()};
}

http::request<http::string_body> to_request(ClientCall const& call, upstream::Origin const& origin) {
    http::request<http::string_body> request(http::string_to_verb(call.method), origin.path.empty() ? "/" : origin.path,
                                             11);
    request.set(http::field::host, origin.authority());
    request.set(http::field::user_agent, "sluice-cli");
    request.set(http::field::connection, "close");
    for (auto const& [name, value] : call.headers) request.set(name, value);
    request.body() = call.body;
    request.prepare_payload();
    return request;
}

ClientAnswer to_answer(http::response_header<> const& head) {
    ClientAnswer answer{.status = static_cast<int>(head.result_int()), .headers = {}};
    for (auto const& field : head) {
        std::string name(field.name_string());
        for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        answer.headers.emplace(std::move(name), field.value());
    }
    return answer;
}

template <class Stream>
Result<ClientAnswer> exchange(Stream& stream, http::request<http::string_body> const& request,
                              std::function<void(std::string_view)> const& on_piece) {
    boost::system::error_code error;
    http::write(stream, request, error);
    if (error) return std::unexpected(unreachable("sending", error));
    beast::flat_buffer buffer;
    http::response_parser<http::buffer_body> parser;
    parser.body_limit(boost::none);
    if (request.method() == http::verb::head) parser.skip(true);
    http::read_header(stream, buffer, parser, error);
    if (error) return std::unexpected(unreachable("reading the answer", error));
    std::array<char, 16384> piece{};
    while (!parser.is_done()) {
        parser.get().body().data = piece.data();
        parser.get().body().size = piece.size();
        http::read_some(stream, buffer, parser, error);
        if (error == http::error::need_buffer) error = {};
        auto const size = piece.size() - parser.get().body().size;
        if (size > 0) on_piece({piece.data(), size});
        if (error) return std::unexpected(unreachable("the answer broke off", error));
    }
    return to_answer(parser.get().base());
}

void set_timeout(asio::ip::tcp::socket& socket, std::chrono::seconds timeout) {
    timeval const limit{.tv_sec = timeout.count(), .tv_usec = 0};
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

}  // namespace

Result<ClientAnswer> call(ClientCall const& call, std::function<void(std::string_view)> const& on_piece) {
    SLUICE_TRY(auto const origin, upstream::parse_origin(call.url));
    asio::io_context context;
    boost::system::error_code error;
    asio::ip::tcp::resolver resolver(context);
    auto const addresses = resolver.resolve(origin.host, std::to_string(origin.port), error);
    if (error) return std::unexpected(unreachable(origin.host, error));
    asio::ip::tcp::socket socket(context);
    asio::connect(socket, addresses, error);
    if (error) return std::unexpected(unreachable(origin.authority(), error));
    set_timeout(socket, call.timeout);
    auto const request = to_request(call, origin);
    if (origin.scheme == upstream::Scheme::http) return exchange(socket, request, on_piece);

    asio::ssl::context tls(asio::ssl::context::tls_client);
    tls.set_default_verify_paths(error);
    tls.set_verify_mode(asio::ssl::verify_peer);
    tls.set_verify_callback(asio::ssl::host_name_verification(origin.host));
    asio::ssl::stream<asio::ip::tcp::socket> stream(std::move(socket), tls);
    SSL_set_tlsext_host_name(stream.native_handle(), origin.host.c_str());
    stream.handshake(asio::ssl::stream_base::client, error);
    if (error) return std::unexpected(unreachable("TLS", error));
    return exchange(stream, request, on_piece);
}

}  // namespace sluice::cli
