#include "server/net/tls.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>

namespace sluice::net {

void TlsDeleter::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void TlsDeleter::operator()(ssl_st* session) const { SSL_free(session); }
void TlsDeleter::operator()(ssl_session_st* session) const { SSL_SESSION_free(session); }

namespace {

constexpr std::array<unsigned char, 9> http11{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

int select_http11(SSL*, unsigned char const** out, unsigned char* out_size, unsigned char const* in, unsigned in_size,
                  void*) {
    unsigned char* chosen = nullptr;
    int const found = SSL_select_next_proto(&chosen, out_size, http11.data(), http11.size(), in, in_size);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/// The handle's application data is where its owner wants new sessions to be kept.
int keep_session(SSL* handle, SSL_SESSION* session) {
    auto* const keep = static_cast<TlsTicket*>(SSL_get_app_data(handle));
    if (!keep) return 0;
    keep->reset(session);
    return 1;
}

TlsContext make_context(SSL_METHOD const* method) {
    TlsContext context(SSL_CTX_new(method), TlsDeleter{});
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(context.get(), 1);  // one recv per record instead of two
    return context;
}

Error file_error(std::string const& what, std::string const& file) {
    return Error{.kind = ErrorKind::internal, .detail = what + " " + file + ": " + tls_error_text()};
}

bool is_address(std::string const& host) {
    std::array<unsigned char, 16> bytes{};
    return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 || inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

}  // namespace

std::string tls_error_text() {
    auto const code = ERR_get_error();
    ERR_clear_error();
    if (code == 0) return "connection closed";
    std::array<char, 256> text{};
    ERR_error_string_n(code, text.data(), text.size());
    return text.data();
}

Result<TlsContext> server_context(TlsSettings const& settings) {
    ERR_clear_error();
    auto context = make_context(TLS_server_method());
    // A key with a passphrase is an error here, not a question on somebody's terminal.
    SSL_CTX_set_default_passwd_cb(context.get(), [](char*, int, int, void*) { return 0; });
    if (SSL_CTX_use_certificate_chain_file(context.get(), settings.certificate_file.c_str()) != 1) {
        return std::unexpected(file_error("certificate", settings.certificate_file));
    }
    if (SSL_CTX_use_PrivateKey_file(context.get(), settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
        return std::unexpected(file_error("key", settings.key_file));
    }
    if (SSL_CTX_check_private_key(context.get()) != 1) {
        return std::unexpected(file_error("key does not fit the certificate:", settings.key_file));
    }
    SSL_CTX_set_alpn_select_cb(context.get(), select_http11, nullptr);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);  // tickets only: nothing is kept here
    return context;
}

Result<TlsContext> client_context(std::string const& ca_file) {
    ERR_clear_error();
    auto context = make_context(TLS_client_method());
    int const loaded = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                                       : SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr);
    if (loaded != 1) return std::unexpected(file_error("CA file", ca_file));
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context.get(), keep_session);
    SSL_CTX_set_alpn_protos(context.get(), http11.data(), http11.size());
    return context;
}

TlsHandle client_handle(TlsContext const& context, std::string const& host, ssl_session_st* ticket, TlsTicket* keep) {
    TlsHandle handle(SSL_new(context.get()));
    SSL_set_app_data(handle.get(), keep);
    if (is_address(host)) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(handle.get()), host.c_str());
    } else {
        SSL_set_tlsext_host_name(handle.get(), host.c_str());
        SSL_set1_host(handle.get(), host.c_str());
    }
    if (ticket) SSL_set_session(handle.get(), ticket);
    SSL_set_connect_state(handle.get());
    return handle;
}

TlsHandle server_handle(TlsContext const& context) {
    TlsHandle handle(SSL_new(context.get()));
    SSL_set_accept_state(handle.get());
    return handle;
}

}  // namespace sluice::net
