#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "config/environment.hpp"

namespace sluice::control {

/// Speaks systemd's notification protocol (sd_notify(3)): one datagram per message to NOTIFY_SOCKET. Without that
/// variable every call does nothing. Thread: the main one.
class ServiceManager {
public:
    explicit ServiceManager(config::Environment const& environment);

    void ready() const { send("READY=1"); }
    void reloading() const;
    void stopping() const { send("STOPPING=1"); }
    void alive() const { send("WATCHDOG=1"); }
    /// Another process is the service now: says so, and nothing more after it.
    void hand_over(int pid) {
        send("MAINPID=" + std::to_string(pid));
        socket_.clear();
    }
    /// How often alive() has to be said (half of WATCHDOG_USEC), if it is watched at all.
    std::optional<std::chrono::microseconds> watchdog_interval() const { return watchdog_; }

private:
    void send(std::string_view message) const;

    std::string socket_;
    std::optional<std::chrono::microseconds> watchdog_;
};

}  // namespace sluice::control
