#include "server/net/descriptor.hpp"

#include <sys/epoll.h>

#include "server/net/worker.hpp"

namespace sluice::net {

Descriptor::Descriptor(Worker& worker, OwnedFd fd)
    : worker_(worker),
      fd_(std::move(fd)),
      registration_(std::make_unique<Registration>(Registration{this})),
      waiter_(worker.wheel()) {
    if (fd_) worker_.add(fd_.get(), registration_.get());
}

Descriptor::~Descriptor() { close(); }

void Descriptor::close() {
    if (!registration_) return;
    registration_->descriptor = nullptr;
    if (fd_) worker_.remove(fd_.get());
    worker_.retire(std::move(registration_));
    fd_ = OwnedFd();
}

void Descriptor::announced(std::uint32_t events) {
    constexpr std::uint32_t breaks = EPOLLHUP | EPOLLERR;
    constexpr std::uint32_t ends = EPOLLRDHUP | breaks;
    bool const to_read = (events & (EPOLLIN | ends)) != 0;
    readable_ = readable_ || to_read;
    writable_ = writable_ || (events & (EPOLLOUT | breaks)) != 0;
    ended_ = ended_ || (events & ends) != 0;
    broken_ = broken_ || (events & breaks) != 0;
    if (waiting_for_ != IoStatus::ok && may(waiting_for_)) return waiter_.wake(Wake::ready);  // may destroy *this
    if (to_read && waiting_for_ != IoStatus::want_read) arrived();
}

IoStatus Descriptor::waited() {
    waiting_for_ = IoStatus::ok;
    switch (waiter_.reason()) {
        case Wake::expired:
            return IoStatus::expired;
        case Wake::cancelled:
            return IoStatus::cancelled;
        case Wake::ready:
            break;
    }
    return IoStatus::ok;
}

}  // namespace sluice::net
