#pragma once

#include <openssl/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "core/types/result.hpp"

namespace sluice::api {

/// A SHA-256.
using Digest = std::array<std::uint8_t, 32>;

/// Makes a Digest piece by piece. May be kept over waits, and used on one thread at a time.
class Digester {
public:
    Digester();
    void add(std::string_view text);
    /// The digest of all that was added; then it begins anew. Errors: internal, when OpenSSL fails.
    Result<Digest> finish();

private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const;
    };
    void begin();

    std::unique_ptr<EVP_MD_CTX, Free> context_;
    bool works_ = true;
};

/// Errors: internal, when OpenSSL fails.
Result<Digest> digest_of(std::string_view text);
/// Of both, told apart. Errors: the same.
Result<Digest> digest_of(std::string_view first, std::string_view second);
/// What tells `first` apart from what follows it.
void add_apart(Digester& digester, std::string_view first);

}  // namespace sluice::api
