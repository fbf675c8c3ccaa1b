#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "server/net/owned_fd.hpp"
#include "server/net/waiter.hpp"

namespace sluice::net {

class Worker;

enum class IoStatus : std::uint8_t { ok, want_read, want_write, end, failed, expired, cancelled };

/// A socket in its worker's epoll, registered once, edge-triggered, for both directions: waiting costs no system call.
/// It remembers what the kernel has announced, and forgets it when a read or a write says that there is nothing more
/// (`drained`, `filled`). One coroutine waits at a time. Thread: its worker's.
class Descriptor : public Cancellable {
public:
    Descriptor(Worker& worker, OwnedFd fd);
    Descriptor(Descriptor const&) = delete;
    Descriptor& operator=(Descriptor const&) = delete;
    ~Descriptor() override;

    int fd() const { return fd_.get(); }
    Worker& worker() { return worker_; }
    bool is_open() const { return static_cast<bool>(fd_); }
    void close();

    /// Suspends until the socket may be readable (or writable), not at all if it may be already. Result: ok, expired,
    /// or cancelled by cancelled().
    auto wait(IoStatus want, Instant until) {
        struct Awaiter {
            Descriptor& descriptor;
            IoStatus want;
            Instant until;
            bool suspended = false;
            bool await_ready() const noexcept { return descriptor.may(want); }
            void await_suspend(std::coroutine_handle<> waiting) {
                suspended = true;
                descriptor.waiting_for_ = want;
                descriptor.waiter_.suspend(waiting, until);
            }
            IoStatus await_resume() const noexcept { return suspended ? descriptor.waited() : IoStatus::ok; }
        };
        return Awaiter{*this, want, until};
    }
    /// Ends the current wait() with `cancelled`.
    void cancelled() override { waiter_.wake(Wake::cancelled); }

protected:
    bool may(IoStatus want) const { return want == IoStatus::want_write ? writable_ : readable_; }
    /// A read found nothing, or less than it had room for: the next bytes will be announced.
    void drained() { readable_ = ended_; }
    /// A write found no room, or too little.
    void filled() { writable_ = broken_; }
    /// Forgets everything: a connect begins.
    void expect_news() { readable_ = writable_ = ended_ = broken_ = false; }

    /// Bytes, a connection or the peer's end have arrived while nobody waited for them. May destroy *this.
    virtual void arrived() {}

private:
    friend class Worker;
    /// What epoll points to. It outlives a descriptor that is destroyed while its event is under way.
    struct Registration {
        Descriptor* descriptor;
    };
    void announced(std::uint32_t events);
    IoStatus waited();

    Worker& worker_;
    OwnedFd fd_;
    std::unique_ptr<Registration> registration_;
    Waiter waiter_;
    IoStatus waiting_for_ = IoStatus::ok;
    bool readable_ = true;
    bool writable_ = true;
    bool ended_ = false;   ///< nothing will be announced for reading any more: the peer's end, or an error
    bool broken_ = false;  ///< nor for writing
};

}  // namespace sluice::net
