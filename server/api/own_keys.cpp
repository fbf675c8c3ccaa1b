#include "server/api/own_keys.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace sluice::api {
namespace {

constexpr std::size_t most_keys = 16;

std::unexpected<Error> wrong(std::string message) {
    return std::unexpected(Error{.kind = ErrorKind::invalid_value,
                                 .message = "the header 'x-provider-auth' " + std::move(message),
                                 .param = "x-provider-auth"});
}

std::string_view trimmed(std::string_view text) {
    auto const begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// A provider's name in a configuration. What looks otherwise may be a key, and is not repeated.
bool is_provider_name(std::string_view text) {
    auto const fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.';
    };
    return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, fits);
}

}  // namespace

Result<std::vector<OwnKey>> read_own_keys(std::string_view header) {
    std::vector<OwnKey> keys;
    while (!header.empty()) {
        auto const item = header.substr(0, header.find(','));
        header.remove_prefix(std::min(header.size(), item.size() + 1));
        auto const pair = trimmed(item);
        if (pair.empty()) continue;
        auto const equals = pair.find('=');
        auto const provider = trimmed(pair.substr(0, equals));
        auto const key = equals == std::string_view::npos ? std::string_view() : trimmed(pair.substr(equals + 1));
        if (!is_provider_name(provider) || key.empty())
            return wrong("must be PROVIDER=KEY, with commas between several");
        if (std::ranges::find(keys, provider, &OwnKey::provider) != keys.end()) {
            return wrong("names the provider '" + std::string(provider) + "' twice");
        }
        if (keys.size() == most_keys) return wrong("must hold 16 keys at most");
        keys.push_back({.provider = std::string(provider),
                        .credential = {.name = "own", .value = Secret(std::string(key)), .weight = 1}});
    }
    return keys;
}

}  // namespace sluice::api
