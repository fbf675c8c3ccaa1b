#include "server/observe/log_output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace sluice::observe {
namespace {

constexpr std::size_t pipe_buf = 4096;

bool is_kind(int fd, mode_t kind) {
    struct stat info{};
    return fstat(fd, &info) == 0 && (info.st_mode & S_IFMT) == kind;
}

}  // namespace

LogOutput::LogOutput(LogOutput&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      most_at_once_(other.most_at_once_),
      owned_(std::exchange(other.owned_, false)) {}

LogOutput& LogOutput::operator=(LogOutput&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(most_at_once_, other.most_at_once_);
    std::swap(owned_, other.owned_);
    return *this;
}

LogOutput::~LogOutput() {
    if (owned_) ::close(fd_);
}

LogOutput LogOutput::open(std::string const& destination) {
    LogOutput out;
    if (destination == "none") return out;
    bool const standard = destination == "stdout" || destination == "stderr";
    if (!standard) {
        out.fd_ = ::open(destination.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640);
        out.owned_ = out.fd_ >= 0;
        return out;
    }
    out.fd_ = destination == "stdout" ? STDOUT_FILENO : STDERR_FILENO;
    if (is_kind(out.fd_, S_IFREG)) return out;
    // Setting O_NONBLOCK on what we were given would set it for everybody who shares it. A pipe can be opened anew;
    // where that fails, small writes are safe once poll() has seen room.
    out.most_at_once_ = pipe_buf;
    if (!is_kind(out.fd_, S_IFIFO)) return out;
    auto const path = "/proc/self/fd/" + std::to_string(out.fd_);
    if (int const own = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC); own >= 0) {
        out.fd_ = own;
        out.owned_ = true;
        out.most_at_once_ = npos;
    }
    return out;
}

std::size_t LogOutput::write(std::string_view bytes, milliseconds patience) const {
    pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
    auto const polled = ::poll(&ready, 1, static_cast<int>(patience.count()));
    if (polled == 0 || (polled < 0 && errno == EINTR)) return 0;
    if (polled < 0 || (ready.revents & POLLOUT) == 0) return npos;
    auto const count = ::write(fd_, bytes.data(), std::min(bytes.size(), most_at_once_));
    if (count >= 0) return static_cast<std::size_t>(count);
    return errno == EAGAIN || errno == EINTR ? 0 : npos;
}

}  // namespace sluice::observe
