#include "server/control/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstring>

namespace sluice::control {

ServiceManager::ServiceManager(config::Environment const& environment)
    : socket_(environment("NOTIFY_SOCKET").value_or("")) {
    auto const text = environment("WATCHDOG_USEC").value_or("");
    std::int64_t microseconds = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), microseconds);
    if (error == std::errc() && microseconds > 0) watchdog_ = std::chrono::microseconds(microseconds / 2);
}

void ServiceManager::reloading() const {
    auto const now = std::chrono::steady_clock::now().time_since_epoch();
    auto const stamp = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(stamp));
}

void ServiceManager::send(std::string_view message) const {
    sockaddr_un address{};
    if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_.data(), socket_.size());
    if (socket_.front() == '@') address.sun_path[0] = '\0';  // an abstract socket
    int const fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    auto const size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
    ::sendto(fd, message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), size);
    ::close(fd);
}

}  // namespace sluice::control
