#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

/// An IP network in CIDR notation: "10.0.0.0/8", "2001:db8::/32". A bare address is a network of one.
struct Network {
    std::array<std::uint8_t, 16> bytes{};  ///< IPv4 as ::ffff:a.b.c.d, so that a dual-stack listener's peers fit
    unsigned prefix = 128;                 ///< bits of `bytes` that count
    friend bool operator==(Network const&, Network const&) = default;
};

/// Nothing: it is no network, or has bits behind its prefix ("10.0.0.1/8": is the host meant, or the network?).
std::optional<Network> read_network(std::string_view text);

/// `address`: an IPv4 or IPv6 address without a port. False for anything else.
bool contains(Network const& network, std::string_view address);

}  // namespace sluice
