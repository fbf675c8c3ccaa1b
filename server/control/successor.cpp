#include "server/control/successor.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "server/net/owned_fd.hpp"

namespace sluice::control {
namespace {

constexpr int first_descriptor = 3;  // SD_LISTEN_FDS_START
constexpr std::chrono::seconds start_limit{60};
constexpr std::size_t digits_of_pid = 10;

Error failure(std::string detail) { return Error{.kind = ErrorKind::internal, .detail = std::move(detail)}; }

std::string reason(int error) { return std::string(std::strerror(error)); }

/// Everything that the child needs, made before the fork: between fork and exec only plain system calls are safe.
struct Launch {
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
    std::vector<net::OwnedFd> descriptors;  ///< become 3, 4 ...; numbered so high that none is in another's way
    std::size_t pid_variable = 0;           ///< index in `environment`

    static std::vector<char*> pointers(std::vector<std::string>& texts) {
        std::vector<char*> out;
        out.reserve(texts.size() + 1);
        for (auto& text : texts) out.push_back(text.data());
        out.push_back(nullptr);
        return out;
    }
};

bool is_one_of(std::string_view variable, std::initializer_list<std::string_view> names) {
    auto const name = variable.substr(0, variable.find('='));
    return std::ranges::find(names, name) != names.end();
}

std::vector<std::string> environment_for(std::vector<HandedSocket> const& sockets) {
    std::vector<std::string> out;
    for (char** variable = environ; *variable; ++variable) {
        if (!is_one_of(*variable, {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "SLUICE_READY_FD", "WATCHDOG_PID"})) {
            out.emplace_back(*variable);
        }
    }
    auto const count = static_cast<int>(sockets.size());
    std::string names = "LISTEN_FDNAMES=";
    for (auto const& socket : sockets) names.append(names.ends_with('=') ? "" : ":").append(socket.name);
    out.push_back("LISTEN_FDS=" + std::to_string(count));
    out.push_back(std::move(names));
    out.push_back("SLUICE_READY_FD=" + std::to_string(first_descriptor + count));
    out.push_back("LISTEN_PID=" + std::string(digits_of_pid, '\0'));  // the last: known only in the child
    return out;
}

void write_pid(char* digits) {
    auto pid = ::getpid();
    int size = 0;
    for (auto rest = pid; rest > 0; rest /= 10) ++size;
    for (; pid > 0; pid /= 10) digits[--size] = static_cast<char>('0' + pid % 10);
}

/// In the child, after the fork. Never returns.
[[noreturn]] void become(Launch& launch, char* const* arguments, char* const* environment, sigset_t const& mask) {
    write_pid(launch.environment[launch.pid_variable].data() + std::string_view("LISTEN_PID=").size());
    int next = first_descriptor;
    for (auto const& descriptor : launch.descriptors) ::dup2(descriptor.get(), next++);
    // Not everything of ours is marked as close-on-exec; none of it is the new process's business.
    ::syscall(SYS_close_range, static_cast<unsigned>(next), ~0U, 0U);
    // Our handlers write into the pipe of our own event loop: they must not run in the child.
    for (int const number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2}) ::signal(number, SIG_DFL);
    ::sigprocmask(SIG_SETMASK, &mask, nullptr);
    ::execve(arguments[0], arguments, environment);
    ::_exit(127);  // allowed: the child of a fork, before exec
}

pid_t launch_child(Launch& launch) {
    auto const arguments = Launch::pointers(launch.arguments);
    auto const environment = Launch::pointers(launch.environment);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t const pid = ::fork();
    if (pid == 0) become(launch, arguments.data(), environment.data(), before);
    int const error = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return pid;
}

std::string how_it_ended(int status) {
    if (WIFSIGNALED(status)) return "it was ended by signal " + std::to_string(WTERMSIG(status));
    if (WEXITSTATUS(status) == 127) return "its program can't be run";
    return "it ended with exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Result<> Successor::start(std::vector<std::string> const& command, std::vector<HandedSocket> const& sockets,
                          Finished finished) {
    if (::access(command.front().c_str(), X_OK) != 0) {
        return std::unexpected(failure("can't run " + command.front() + ": " + reason(errno)));
    }
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected(failure("no pipe: " + reason(errno)));
    net::OwnedFd ours(ends[0]);
    net::OwnedFd const theirs(ends[1]);
    Launch launch{.arguments = command, .environment = environment_for(sockets), .descriptors = {}};
    launch.pid_variable = launch.environment.size() - 1;
    int const above = first_descriptor + static_cast<int>(sockets.size()) + 1;
    auto const add = [&launch, above](int fd) {
        launch.descriptors.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, above));
        return launch.descriptors.back().get() >= 0;
    };
    for (auto const& socket : sockets) {
        if (!add(socket.fd)) return std::unexpected(failure("no descriptor left: " + reason(errno)));
    }
    if (!add(theirs.get())) return std::unexpected(failure("no descriptor left: " + reason(errno)));
    auto const pid = launch_child(launch);
    if (pid < 0) return std::unexpected(failure("no new process: " + reason(errno)));
    pid_ = pid;
    finished_ = std::move(finished);
    word_.clear();
    pipe_.assign(ours.release());
    await_word();
    patience_.expires_after(start_limit);
    patience_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        word_ = "it was not ready after " + std::to_string(start_limit.count()) + " s";
        ended();
    });
    return {};
}

void Successor::await_word() {
    pipe_.async_read_some(boost::asio::buffer(piece_), [this](boost::system::error_code error, std::size_t size) {
        if (error == boost::asio::error::operation_aborted) return;
        word_.append(piece_.data(), size);
        if (!error && word_ != "ready\n" && word_.size() < piece_.size()) return await_word();
        ended();
    });
}

/// The new process has said its word, or can't any more.
void Successor::ended() {
    boost::system::error_code ignored;
    pipe_.close(ignored);
    patience_.cancel();
    auto const finished = std::exchange(finished_, nullptr);
    if (!finished) return;
    if (word_ == "ready\n") {
        finished(Result<>());
        pid_ = 0;
        return;
    }
    auto const how = end_child();
    finished(std::unexpected(failure(word_.empty() ? how : word_)));
}

std::string Successor::end_child() {
    int status = 0;
    // Most often it has ended by itself, and the end of its pipe was how we learnt of that.
    pid_t gone = 0;
    for (int i = 0; i < 100 && gone == 0; ++i) {
        gone = ::waitpid(pid_, &status, WNOHANG);
        if (gone == 0) ::sched_yield();
    }
    if (gone == 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, &status, 0);
    }
    pid_ = 0;
    return how_it_ended(status);
}

void Successor::give_up() {
    if (!starting()) return;
    finished_ = nullptr;
    boost::system::error_code ignored;
    pipe_.close(ignored);
    patience_.cancel();
    std::ignore = end_child();
}

std::string program_file(std::string_view program, std::string const& path) {
    namespace fs = std::filesystem;
    std::error_code error;
    if (program.find('/') != std::string_view::npos) return fs::absolute(program, error).string();
    for (std::string_view rest = path; !program.empty() && !rest.empty();) {
        auto const end = std::min(rest.find(':'), rest.size());
        auto const candidate = fs::path(rest.substr(0, end)) / program;
        if (::access(candidate.c_str(), X_OK) == 0) return fs::absolute(candidate, error).string();
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return fs::read_symlink("/proc/self/exe", error).string();
}

}  // namespace sluice::control
