#include "server/net/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace sluice::net {
namespace {

template <class Raw>
Raw read_as(sockaddr_storage const& storage) {
    Raw raw;
    std::memcpy(&raw, &storage, sizeof raw);
    return raw;
}

std::string printed(int family, void const* bytes) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    return inet_ntop(family, bytes, text.data(), text.size()) != nullptr ? text.data() : "";
}

}  // namespace

Address::Address(sockaddr const* raw, socklen_t size)
    : size_(std::min<socklen_t>(size, static_cast<socklen_t>(sizeof storage_))) {
    std::memcpy(&storage_, raw, size_);
}

std::optional<Address> Address::parse(std::string const& host, std::uint16_t port) {
    sockaddr_in four{};
    if (inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) {
        four.sin_family = AF_INET;
        four.sin_port = htons(port);
        return Address(reinterpret_cast<sockaddr const*>(&four), sizeof four);
    }
    sockaddr_in6 six{};
    if (inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) == 1) {
        six.sin6_family = AF_INET6;
        six.sin6_port = htons(port);
        return Address(reinterpret_cast<sockaddr const*>(&six), sizeof six);
    }
    return std::nullopt;
}

std::uint16_t Address::port() const {
    if (family() == AF_INET6) return ntohs(read_as<sockaddr_in6>(storage_).sin6_port);
    return family() == AF_INET ? ntohs(read_as<sockaddr_in>(storage_).sin_port) : 0;
}

Address Address::with_port(std::uint16_t port) const {
    if (family() == AF_INET6) {
        auto six = read_as<sockaddr_in6>(storage_);
        six.sin6_port = htons(port);
        return Address(reinterpret_cast<sockaddr const*>(&six), sizeof six);
    }
    auto four = read_as<sockaddr_in>(storage_);
    four.sin_port = htons(port);
    return Address(reinterpret_cast<sockaddr const*>(&four), sizeof four);
}

std::string Address::host() const {
    if (family() == AF_INET) {
        auto const four = read_as<sockaddr_in>(storage_);
        return printed(AF_INET, &four.sin_addr);
    }
    if (family() != AF_INET6) return {};
    auto const six = read_as<sockaddr_in6>(storage_);
    if (IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)) return printed(AF_INET, six.sin6_addr.s6_addr + 12);
    return printed(AF_INET6, &six.sin6_addr);
}

}  // namespace sluice::net
