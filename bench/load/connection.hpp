#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "options.hpp"
#include "request.hpp"

namespace sluice::bench {

enum class Progress : std::uint8_t { done, again, closed, failed };
struct Transfer {
    Progress progress = Progress::done;
    std::size_t bytes = 0;
};

struct CloseContext {
    void operator()(SSL_CTX* context) const;
};
struct CloseSession {
    void operator()(SSL* session) const;
};
using TlsContext = std::unique_ptr<SSL_CTX, CloseContext>;

/// A context for clients that verify nothing: what is measured is on this machine.
TlsContext make_tls_context();

/// One non-blocking socket, with TLS when it was given a context. Closed by the destructor.
class Connection {
public:
    Connection() = default;
    ~Connection();
    Connection(Connection const&) = delete;
    Connection& operator=(Connection const&) = delete;

    /// Starts to connect; `tls` may be null and must outlive the connection. `failed` when there is no socket to be
    /// had.
    Progress connect(Options const& options, SSL_CTX* tls);
    /// Call when the socket is writable, until it is `done`.
    Progress finish_connect();
    Progress handshake();

    /// Writes `request` from byte `offset` on.
    Transfer write(RequestText const& request, Nonce const& nonce, std::size_t offset);
    Transfer read(std::span<char> buffer);
    void close();

    int descriptor() const { return descriptor_; }
    bool is_open() const { return descriptor_ >= 0; }

private:
    Transfer write_tls(RequestText const& request, Nonce const& nonce, std::size_t offset);

    int descriptor_ = -1;
    std::unique_ptr<SSL, CloseSession> tls_;
    std::string whole_;  // TLS: the request in one piece, so that it leaves in full records
};

}  // namespace sluice::bench
