#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/types/result.hpp"
#include "core/types/settings.hpp"

struct ssl_ctx_st;
struct ssl_st;
struct ssl_session_st;

namespace sluice::net {

struct TlsDeleter {
    void operator()(ssl_ctx_st* context) const;
    void operator()(ssl_st* session) const;
    void operator()(ssl_session_st* session) const;
};
using TlsContext = std::shared_ptr<ssl_ctx_st>;
using TlsHandle = std::unique_ptr<ssl_st, TlsDeleter>;
using TlsTicket = std::unique_ptr<ssl_session_st, TlsDeleter>;

/// A server context: TLS 1.2 and up, HTTP/1.1 by ALPN. Errors: internal, with the file and OpenSSL's reason in
/// `detail`.
Result<TlsContext> server_context(TlsSettings const& settings);

/// A client context that verifies against `ca_file`, or the system's store when it is empty. It can't be told not to.
Result<TlsContext> client_context(std::string const& ca_file);

/// A handle for a client connection to `host` (name or address literal): SNI and verification of the name set.
/// `ticket` resumes an earlier session when not null. New sessions arrive in `*keep` (which must outlive the handle).
TlsHandle client_handle(TlsContext const& context, std::string const& host, ssl_session_st* ticket, TlsTicket* keep);

TlsHandle server_handle(TlsContext const& context);

/// OpenSSL's oldest queued error as text; clears the queue. Thread: any.
std::string tls_error_text();

}  // namespace sluice::net
