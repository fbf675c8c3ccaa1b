#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <string>
#include <string_view>

#include "server/net/owned_fd.hpp"

namespace sluice::testing {

inline constexpr std::chrono::milliseconds patience{5'000};

/// The other side of a connection: blocking, with patience, byte for byte.
class Raw {
public:
    explicit Raw(int fd) : fd_(fd) {}
    static Raw to(std::uint16_t port) {
        Raw raw(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        auto address = loopback(port);
        REQUIRE(::connect(raw.fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        return raw;
    }
    static sockaddr_in loopback(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return address;
    }

    int fd() const { return fd_.get(); }
    void send(std::string_view bytes) const {
        CHECK(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    }
    void half_close() const { ::shutdown(fd_.get(), SHUT_WR); }
    void reset() {
        linger const at_once{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        fd_ = net::OwnedFd();
    }

    bool readable(std::chrono::milliseconds wait) const {
        pollfd wanted{.fd = fd_.get(), .events = POLLIN, .revents = 0};
        return ::poll(&wanted, 1, static_cast<int>(wait.count())) == 1;
    }
    /// What arrives until `text` has been seen, or the other side has closed, or patience is over.
    std::string read_until(std::string_view text) {
        while (text.empty() || seen_.find(text) == std::string::npos) {
            if (!read_some()) break;
        }
        auto const at = text.empty() ? std::string::npos : seen_.find(text);
        auto const size = at == std::string::npos ? seen_.size() : at + text.size();
        auto out = seen_.substr(0, size);
        seen_.erase(0, size);
        return out;
    }
    std::string read_all() { return read_until(""); }
    /// The other side closed in order (not: patience over, reset).
    bool closed() const { return ended_; }
    bool was_reset() const { return reset_; }

private:
    bool read_some() {
        std::array<char, 16'384> bytes{};
        if (!readable(patience)) return false;
        auto const got = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
        ended_ = got == 0;
        reset_ = got < 0;
        if (got > 0) seen_.append(bytes.data(), static_cast<std::size_t>(got));
        return got > 0;
    }

    net::OwnedFd fd_;
    std::string seen_;
    bool ended_ = false;
    bool reset_ = false;
};

/// Takes connections one by one.
class RawListener {
public:
    RawListener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        auto address = Raw::loopback(0);
        REQUIRE(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(fd_.get(), 16) == 0);
        socklen_t size = sizeof address;
        ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
    }
    RawListener(RawListener const&) = delete;
    RawListener& operator=(RawListener const&) = delete;

    std::uint16_t port() const { return port_; }
    Raw accept() const {
        REQUIRE(pending(patience));
        return Raw(::accept(fd_.get(), nullptr, nullptr));
    }
    bool pending(std::chrono::milliseconds wait) const {
        pollfd wanted{.fd = fd_.get(), .events = POLLIN, .revents = 0};
        return ::poll(&wanted, 1, static_cast<int>(wait.count())) == 1;
    }

private:
    net::OwnedFd fd_;
    std::uint16_t port_ = 0;
};

/// Waits until `condition` holds, or patience is over.
bool eventually(auto const& condition) {
    auto const until = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= until) return false;
        ::poll(nullptr, 0, 2);
    }
    return true;
}

}  // namespace sluice::testing
