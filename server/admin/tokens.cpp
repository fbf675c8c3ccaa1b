#include "server/admin/tokens.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <string>

namespace sluice::admin {
namespace {

std::optional<std::array<std::uint8_t, 32>> sha256(std::string_view text) {
    std::array<std::uint8_t, 32> digest{};
    bool const done = EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1;
    return done ? std::optional(digest) : std::nullopt;
}

std::string_view without_scheme(std::string_view authorization) {
    constexpr std::string_view scheme = "bearer ";
    auto const lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    if (authorization.size() <= scheme.size()) return {};
    auto const begin = authorization.substr(0, scheme.size());
    if (!std::ranges::equal(begin, scheme, {}, lower)) return {};
    return authorization.substr(scheme.size());
}

}  // namespace

Tokens::Tokens(AdminSettings const& settings) {
    auto const add = [this](Secret const& token, keys::Grantor grantor) {
        auto const digest = sha256(token.expose());
        if (digest && !token.empty()) entries_.push_back({.digest = *digest, .grantor = std::move(grantor)});
    };
    add(settings.token, {.name = "admin", .all = true});
    for (auto const& token : settings.tokens) add(token.token, {.name = token.name, .team = token.team});
}

std::optional<keys::Grantor> Tokens::identify(std::string_view authorization) const {
    auto const token = without_scheme(authorization);
    auto const digest = sha256(token);
    if (!digest || token.empty()) return std::nullopt;
    Entry const* found = nullptr;
    for (auto const& entry : entries_) {
        if (CRYPTO_memcmp(entry.digest.data(), digest->data(), digest->size()) == 0) found = &entry;
    }
    return found == nullptr ? std::nullopt : std::optional(found->grantor);
}

}  // namespace sluice::admin
