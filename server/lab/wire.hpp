#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string_view>
#include <utility>

namespace boost::asio::ssl {
class context;  // NOLINT(readability-identifier-naming): Boost names it
}

namespace sluice::lab {

namespace asio = boost::asio;
using Code = boost::system::error_code;

/// One connection, with TLS or without. Thread: its worker's.
class Wire {
public:
    /// `tls` may be null; otherwise it must outlive the wire.
    Wire(asio::ip::tcp::socket socket, asio::ssl::context* tls);
    ~Wire();

    asio::awaitable<Code> handshake();
    asio::awaitable<std::pair<Code, std::size_t>> read(asio::mutable_buffer buffer);
    /// Writes what goes out without waiting; 0 with TLS.
    std::size_t try_write(std::string_view bytes, Code& failure);
    asio::awaitable<Code> write(std::string_view bytes);
    /// TLS's goodbye, where there is TLS.
    asio::awaitable<void> say_goodbye();
    /// True once the peer has closed or reset, even if there is input before the end.
    bool peer_is_gone();
    void send_fin();
    void reset();
    void close();
    asio::ip::tcp::socket& socket();

private:
    struct Tls;
    asio::ip::tcp::socket socket_;
    std::unique_ptr<Tls> tls_;
};

}  // namespace sluice::lab
