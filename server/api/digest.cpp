#include "server/api/digest.hpp"

#include <openssl/evp.h>

#include <string>

namespace sluice::api {
namespace {

struct FreeAlgorithm {
    void operator()(EVP_MD* algorithm) const { EVP_MD_free(algorithm); }
};

/// Looking it up costs more than using it, so that each thread does it once.
EVP_MD const* sha256() {
    thread_local std::unique_ptr<EVP_MD, FreeAlgorithm> const algorithm(EVP_MD_fetch(nullptr, "SHA256", nullptr));
    return algorithm.get();
}

/// The thread's own, for what does not wait.
Digester& digester() {
    thread_local Digester own;
    return own;
}

}  // namespace

void Digester::Free::operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }

Digester::Digester() : context_(EVP_MD_CTX_new()) { begin(); }

void Digester::begin() {
    works_ = context_ && sha256() != nullptr && EVP_DigestInit_ex2(context_.get(), sha256(), nullptr) == 1;
}

void Digester::add(std::string_view text) {
    works_ = works_ && EVP_DigestUpdate(context_.get(), text.data(), text.size()) == 1;
}

Result<Digest> Digester::finish() {
    Digest digest{};
    bool const made = works_ && EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1;
    begin();
    if (!made) return std::unexpected(Error{.kind = ErrorKind::internal, .detail = "SHA-256 is not available"});
    return digest;
}

Result<Digest> digest_of(std::string_view text) {
    digester().add(text);
    return digester().finish();
}

void add_apart(Digester& digester, std::string_view first) {
    digester.add(std::to_string(first.size()));
    digester.add(":");
    digester.add(first);
}

Result<Digest> digest_of(std::string_view first, std::string_view second) {
    add_apart(digester(), first);
    digester().add(second);
    return digester().finish();
}

}  // namespace sluice::api
