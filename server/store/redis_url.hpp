#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "core/types/secret.hpp"

namespace sluice::store {

/// redis://[[user]:password@]host[:port][/database], or rediss:// with TLS. Escapes (%40) stand for their character.
struct RedisUrl {
    bool tls = false;
    std::string user{};
    Secret password{};
    std::string host{};
    std::string port = "6379";
    std::string database = "0";
};

/// Error: what is wrong; says nothing of the URL itself.
std::expected<RedisUrl, std::string> read_redis_url(std::string_view url);

}  // namespace sluice::store
