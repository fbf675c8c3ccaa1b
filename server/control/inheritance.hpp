#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/environment.hpp"

namespace sluice::control {

/// The names that our own listening sockets have in LISTEN_FDNAMES.
inline constexpr std::string_view data_socket = "data";
inline constexpr std::string_view admin_socket = "admin";

/// What this process got from who started it: listening sockets, by the convention of sd_listen_fds(3), from systemd or
/// from the gateway that it replaces; and from the latter a pipe, on which it waits for word. Thread: the main one.
class Inheritance {
public:
    explicit Inheritance(config::Environment const& environment);
    Inheritance(Inheritance const&) = delete;
    Inheritance& operator=(Inheritance const&) = delete;
    /// Closes what nobody took; the pipe's end without a word means failure.
    ~Inheritance();

    /// The sockets that listen on `host`:`port`; they are the caller's now. Port 0: on whichever port, if called
    /// `name`.
    std::vector<int> take(std::string_view name, std::string_view host, std::uint16_t port);
    /// A socket that is left listens on `port`, of whatever address.
    bool listens_on(std::uint16_t port) const;
    /// Closes what is left, and returns the addresses.
    std::vector<std::string> close_rest();

    /// A gateway waits for this process to replace it.
    bool replaces() const { return pipe_ >= 0; }
    void report_ready() { report("ready\n"); }
    /// It goes on, and says `why`.
    void report_failure(std::string_view why) { report(why); }

private:
    struct Socket {
        int fd = -1;
        std::string name;
        std::string host;  ///< as the kernel prints it
        std::uint16_t port = 0;
    };
    void report(std::string_view word);

    std::vector<Socket> sockets_;
    int pipe_ = -1;
};

}  // namespace sluice::control
