#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::net {

/// An IP address with a port, as the kernel takes it. A value.
class Address {
public:
    Address() = default;
    Address(sockaddr const* raw, socklen_t size);

    /// "127.0.0.1" or "::1"; nothing for a name or anything else.
    static std::optional<Address> parse(std::string const& host, std::uint16_t port);

    sockaddr const* raw() const { return reinterpret_cast<sockaddr const*>(&storage_); }
    socklen_t size() const { return size_; }
    int family() const { return storage_.ss_family; }
    std::uint16_t port() const;
    Address with_port(std::uint16_t port) const;

    /// The address without its port; one of IPv4 inside IPv6 ("::ffff:10.0.0.1") as IPv4.
    std::string host() const;

private:
    sockaddr_storage storage_{};
    socklen_t size_ = 0;
};

}  // namespace sluice::net
