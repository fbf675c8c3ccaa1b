#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/pipeline/ports.hpp"
#include "server/net/address.hpp"
#include "server/net/descriptor.hpp"
#include "server/net/tls.hpp"
#include "server/net/worker.hpp"

namespace sluice::net {

struct IoResult {
    IoStatus status = IoStatus::ok;
    std::size_t bytes = 0;
};

/// Told about connections as they come and go, for gauges. Thread: the worker's.
class ConnectionObserver {
public:
    virtual ~ConnectionObserver() = default;
    virtual void connection_opened() = 0;
    virtual void connection_closed() = 0;
    /// What served a connection threw: a bug, or no memory. It costs that connection, not the process.
    virtual void connection_failed(std::string_view what) = 0;
};

/// A TCP connection, with or without TLS on it. Reads and writes try the socket first and suspend only when it is not
/// ready; no buffer is held while it waits. One coroutine uses it at a time, except for `watch`, which runs beside a
/// coroutine that waits for something else. Thread: its worker's.
class Connection final : public Descriptor {
public:
    using Descriptor::Descriptor;
    ~Connection() override;

    /// Everything below then goes through TLS.
    void use_tls(TlsHandle handle);
    bool uses_tls() const { return tls_ != nullptr; }
    ssl_st* tls() { return tls_.get(); }
    /// Reports *this as open until it is destroyed. `observer` must outlive it.
    void observe(ConnectionObserver& observer);

    /// TLS holds bytes that no readiness of the socket will announce: read before waiting.
    bool has_pending() const;
    /// Never blocks. `end`: the peer closed its side in order.
    IoResult read_some(std::span<char> into);
    /// Never blocks; sends as much as the socket takes, with one system call without TLS.
    IoResult write_some(Pieces pieces);

    /// read_some, with a wait where needed.
    Task<IoResult> read(std::span<char> into, Instant until);
    /// Sends everything. `stall`: the longest time without progress; `until`: the longest time in all.
    Task<IoStatus> write_all(Pieces pieces, milliseconds stall, Instant until = never);
    /// Connects to `address`, then (both sides) runs the TLS handshake.
    Task<IoStatus> connect(Address const& address, Instant until);
    Task<IoStatus> handshake(Instant until);

    /// Calls `on_readable` once, when bytes or an end arrive while nobody waits for reading; at once, if
    /// they may be there already.
    void watch(std::function<void()> on_readable);
    void unwatch() { on_readable_ = nullptr; }

    /// Says that nothing more will be sent (TLS: close_notify, too); reading goes on.
    void shutdown_send();
    /// Closes with a reset instead of an orderly end.
    void abort();

private:
    friend struct TlsSocket;
    IoResult receive(std::span<char> into);
    IoResult send(Pieces pieces);
    IoResult read_tls(std::span<char> into);
    IoResult write_tls(Pieces pieces);
    void arrived() override;

    TlsHandle tls_;
    bool holds_part_of_record_ = false;
    std::function<void()> on_readable_;
    ConnectionObserver* observer_ = nullptr;
    unsigned reads_ = 0;
};

/// Options that every socket of ours gets: no Nagle delay, keep-alive probes, bounded kernel buffers (0: the kernel's).
void tune(int fd, int receive_buffer, int send_buffer);

}  // namespace sluice::net
