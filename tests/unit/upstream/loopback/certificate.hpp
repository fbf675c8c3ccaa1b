#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

namespace sluice::testing {

/// A fresh self-signed certificate for `names` ("DNS:localhost,IP:127.0.0.1") in two files, which go with it.
class Certificate {
public:
    explicit Certificate(std::string const& names) {
        static int count = 0;
        folder_ = std::filesystem::temp_directory_path() /
                  ("sluice-tls-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
        std::filesystem::create_directories(folder_);
        std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> const key(EVP_EC_gen("P-256"), EVP_PKEY_free);
        std::unique_ptr<X509, decltype(&X509_free)> const certificate(X509_new(), X509_free);
        auto* const x = certificate.get();
        X509_set_version(x, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
        X509_gmtime_adj(X509_getm_notBefore(x), -3'600);
        X509_gmtime_adj(X509_getm_notAfter(x), 3'600);
        auto* const subject = X509_get_subject_name(x);
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<unsigned char const*>("test"), -1, -1,
                                   0);
        X509_set_issuer_name(x, subject);
        X509_set_pubkey(x, key.get());
        auto* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
        X509_add_ext(x, extension, -1);
        X509_EXTENSION_free(extension);
        X509_sign(x, key.get(), EVP_sha256());
        write(certificate_file(), [x](FILE* file) { PEM_write_X509(file, x); });
        write(key_file(),
              [&key](FILE* file) { PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    }
    Certificate(Certificate const&) = delete;
    Certificate& operator=(Certificate const&) = delete;
    ~Certificate() { std::filesystem::remove_all(folder_); }

    std::string certificate_file() const { return (folder_ / "certificate.pem").string(); }
    std::string key_file() const { return (folder_ / "key.pem").string(); }

private:
    static void write(std::string const& name, auto const& put) {
        std::unique_ptr<FILE, int (*)(FILE*)> const file(std::fopen(name.c_str(), "w"), std::fclose);
        put(file.get());
    }
    std::filesystem::path folder_;
};

}  // namespace sluice::testing
