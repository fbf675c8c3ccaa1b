#include "server/control/inheritance.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

namespace sluice::control {
namespace {

constexpr int first_descriptor = 3;  // SD_LISTEN_FDS_START
constexpr int most_sockets = 4096;

std::optional<int> number(config::Environment const& environment, std::string_view name) {
    auto const text = environment(name).value_or("");
    int value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::vector<std::string> split(std::string_view names) {
    std::vector<std::string> out;
    while (true) {
        auto const end = names.find(':');
        out.emplace_back(names.substr(0, end));
        if (end == std::string_view::npos) return out;
        names.remove_prefix(end + 1);
    }
}

/// The address in the one form that can be compared: "::1" and "0:0:0:0:0:0:0:1" are the same.
std::string canonical(std::string_view host) {
    std::string text(host);
    std::array<unsigned char, sizeof(in6_addr)> address{};
    std::array<char, INET6_ADDRSTRLEN> printed{};
    for (int const family : {AF_INET, AF_INET6}) {
        if (::inet_pton(family, text.c_str(), address.data()) != 1) continue;
        return ::inet_ntop(family, address.data(), printed.data(), printed.size()) ? printed.data() : text;
    }
    return text;
}

bool listens(int fd) {
    int yes = 0;
    socklen_t size = sizeof yes;
    return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &size) == 0 && yes != 0;
}

/// Where `fd` is bound to; nothing for what is no TCP address.
std::optional<std::pair<std::string, std::uint16_t>> address_of(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return std::nullopt;
    std::array<char, INET6_ADDRSTRLEN> printed{};
    if (address.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        if (!::inet_ntop(AF_INET, &v4.sin_addr, printed.data(), printed.size())) return std::nullopt;
        return std::pair(std::string(printed.data()), ntohs(v4.sin_port));
    }
    if (address.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address, sizeof v6);
        if (!::inet_ntop(AF_INET6, &v6.sin6_addr, printed.data(), printed.size())) return std::nullopt;
        return std::pair(std::string(printed.data()), ntohs(v6.sin6_port));
    }
    return std::nullopt;
}

}  // namespace

Inheritance::Inheritance(config::Environment const& environment) {
    // The variables are for the process with this id; a child of it must not take them for its own.
    if (number(environment, "LISTEN_PID") != ::getpid()) return;
    int const count = std::clamp(number(environment, "LISTEN_FDS").value_or(0), 0, most_sockets);
    auto names = split(environment("LISTEN_FDNAMES").value_or(""));
    names.resize(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
        int const fd = first_descriptor + i;
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        auto const address = listens(fd) ? address_of(fd) : std::nullopt;
        if (!address) continue;
        sockets_.push_back(
            {.fd = fd, .name = names[static_cast<std::size_t>(i)], .host = address->first, .port = address->second});
    }
    if (auto const pipe = number(environment, "SLUICE_READY_FD"); pipe && *pipe >= first_descriptor + count) {
        if (::fcntl(*pipe, F_SETFD, FD_CLOEXEC) == 0) pipe_ = *pipe;
    }
}

Inheritance::~Inheritance() {
    close_rest();
    if (pipe_ >= 0) ::close(pipe_);
}

std::vector<int> Inheritance::take(std::string_view name, std::string_view host, std::uint16_t port) {
    auto const wanted = canonical(host);
    std::vector<int> taken;
    std::erase_if(sockets_, [&](Socket const& socket) {
        bool const fits = socket.host == wanted && (port == 0 ? socket.name == name : socket.port == port);
        if (fits) taken.push_back(socket.fd);
        return fits;
    });
    return taken;
}

bool Inheritance::listens_on(std::uint16_t port) const {
    return std::ranges::any_of(sockets_, [port](Socket const& socket) { return socket.port == port; });
}

std::vector<std::string> Inheritance::close_rest() {
    std::vector<std::string> closed;
    for (auto const& socket : sockets_) {
        closed.push_back(socket.host + " port " + std::to_string(socket.port));
        ::close(socket.fd);
    }
    sockets_.clear();
    return closed;
}

void Inheritance::report(std::string_view word) {
    if (pipe_ < 0) return;
    std::ignore = ::write(pipe_, word.data(), std::min<std::size_t>(word.size(), 4096));  // what a pipe takes at once
    ::close(pipe_);
    pipe_ = -1;
}

}  // namespace sluice::control
