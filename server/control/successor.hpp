#pragma once

#include <sys/types.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/result.hpp"

namespace sluice::control {

/// A listening socket for the next process, with its name in LISTEN_FDNAMES. The descriptor stays ours.
struct HandedSocket {
    int fd = -1;
    std::string_view name;
};

/// The process that is to replace this one: started with our listening sockets, and waited for until it says that it is
/// ready. Counterpart: Inheritance. Thread: the main one.
class Successor {
public:
    using Finished = std::function<void(Result<> const&)>;

    explicit Successor(boost::asio::io_context& context) : pipe_(context), patience_(context) {}
    Successor(Successor const&) = delete;
    Successor& operator=(Successor const&) = delete;
    ~Successor() { give_up(); }

    /// Starts `command` (its program's file first). `finished` is called once, unless give_up() comes first: with
    /// success when the new process is ready, else with the reason in `detail`, and the process is gone.
    /// Errors: internal, when it can't even be started; then `finished` is not called.
    Result<> start(std::vector<std::string> const& command, std::vector<HandedSocket> const& sockets,
                   Finished finished);

    bool starting() const { return pid_ > 0; }
    pid_t pid() const { return pid_; }
    /// Ends the new process if it is not ready yet.
    void give_up();

private:
    void await_word();
    void ended();
    std::string end_child();

    boost::asio::posix::stream_descriptor pipe_;
    boost::asio::steady_timer patience_;
    Finished finished_;
    pid_t pid_ = 0;
    std::array<char, 4096> piece_{};
    std::string word_;
};

/// The file that `program` (argv[0]) names, so that a new version is found under the same name: with its directory, or
/// from PATH; a symbolic link is not followed. Falls back to the file that runs now.
std::string program_file(std::string_view program, std::string const& path);

}  // namespace sluice::control
