#include "server/store/redis_url.hpp"

#include <charconv>
#include <optional>

namespace sluice::store {

namespace {

std::optional<std::string> unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        unsigned value = 0;
        auto const digits = text.substr(i + 1, 2);
        auto const [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
        if (digits.size() != 2 || problem != std::errc() || end != digits.data() + 2 || value == 0) return std::nullopt;
        out += static_cast<char>(value);
        i += 2;
    }
    return out;
}

bool is_number(std::string_view text, unsigned most) {
    unsigned value = 0;
    auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    return !text.empty() && problem == std::errc() && end == text.data() + text.size() && value <= most;
}

/// Takes what stands ahead of the last `mark` off `text`.
std::optional<std::string_view> take_ahead_of(std::string_view& text, char mark) {
    auto const at = text.rfind(mark);
    if (at == std::string_view::npos) return std::nullopt;
    auto const ahead = text.substr(0, at);
    text.remove_prefix(at + 1);
    return ahead;
}

bool read_identity(std::string_view identity, RedisUrl& read) {
    auto const colon = identity.find(':');
    auto const user = unescape(identity.substr(0, colon));
    auto const password = colon == std::string_view::npos ? std::string() : unescape(identity.substr(colon + 1));
    if (!user || !password) return false;
    read.user = *user;
    read.password = Secret(*password);
    return true;
}

bool read_address(std::string_view address, RedisUrl& read) {
    auto const bracket = address.find(']');
    bool const is_bracketed = address.starts_with('[') && bracket != std::string_view::npos;
    auto const colon = address.find(':', is_bracketed ? bracket : 0);
    read.host = is_bracketed ? address.substr(1, bracket - 1) : address.substr(0, colon);
    if (colon != std::string_view::npos) read.port = address.substr(colon + 1);
    return !read.host.empty() && is_number(read.port, 65535);
}

}  // namespace

std::expected<RedisUrl, std::string> read_redis_url(std::string_view url) {
    RedisUrl read;
    constexpr std::string_view plain = "redis://";
    constexpr std::string_view secure = "rediss://";
    read.tls = url.starts_with(secure);
    if (!read.tls && !url.starts_with(plain)) return std::unexpected("it has to begin with redis:// or rediss://");
    url.remove_prefix(read.tls ? secure.size() : plain.size());
    if (auto const identity = take_ahead_of(url, '@'); identity && !read_identity(*identity, read))
        return std::unexpected("a user or password has a broken %-escape");
    auto const slash = url.find('/');
    if (slash != std::string_view::npos && slash + 1 < url.size()) read.database = url.substr(slash + 1);
    if (!is_number(read.database, 1'000'000)) return std::unexpected("behind the address stands a database's number");
    if (!read_address(url.substr(0, slash), read)) return std::unexpected("its host or port can't be read");
    return read;
}

}  // namespace sluice::store
