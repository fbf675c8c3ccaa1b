#include "server/control/memory_use.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace sluice::control {
namespace {

constexpr std::uint64_t no_limit_from = std::uint64_t{1} << 60U;  // version 1 writes "none" as a huge number
constexpr std::string_view root = "/sys/fs/cgroup";

std::optional<std::uint64_t> to_number(std::string_view text) {
    std::uint64_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end == text.data()) return std::nullopt;
    return value;
}

std::optional<std::uint64_t> number_in(MemoryUse::Read const& read, std::string const& path) {
    return to_number(read(path));
}

/// The number behind `name` in a file of "name number" lines.
std::uint64_t field(std::string_view text, std::string_view name) {
    for (std::size_t at = 0; at < text.size();) {
        auto const line = text.substr(at, text.find('\n', at) - at);
        if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ' ') {
            return to_number(line.substr(name.size() + 1)).value_or(0);
        }
        at += line.size() + 1;
    }
    return 0;
}

/// The second field of /proc/self/statm: resident pages.
std::uint64_t resident(MemoryUse::Read const& read) {
    auto const text = read("/proc/self/statm");
    auto const pages = to_number(std::string_view(text).substr(std::min(text.find(' ') + 1, text.size())));
    return pages.value_or(0) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

MemoryUse::MemoryUse(Read read) : read_(std::move(read)) {
    auto const groups = read_("/proc/self/cgroup");
    for (std::string_view rest = groups; !rest.empty();) {
        auto const line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        auto const first = line.find(':');
        auto const second = line.find(':', first + 1);
        if (second == std::string_view::npos) continue;
        auto const controllers = line.substr(first + 1, second - first - 1);
        bool const unified = controllers.empty();
        if (!unified && controllers != "memory") continue;
        // In a container the path may be the host's, which is not to be seen here; then the mount's root is ours.
        std::string const mount = std::string(root) + (unified ? "" : "/memory");
        for (std::string path(line.substr(second + 1)); !path.empty() && path != "/";
             path.erase(path.rfind('/'))) {  // a parent's limit holds as well
            look_at(mount + path, unified);
        }
        look_at(mount, unified);
    }
}

std::string MemoryUse::read_start(std::string const& path) {
    std::array<char, 8192> text;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    int const fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    auto const size = ::read(fd, text.data(), text.size());
    ::close(fd);
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

void MemoryUse::look_at(std::string const& folder, bool unified) {
    auto const limit = number_in(read_, folder + (unified ? "/memory.max" : "/memory.limit_in_bytes"));
    if (!limit || *limit >= no_limit_from || (group_limit_ && *group_limit_ <= *limit)) return;
    group_limit_ = limit;
    folder_ = folder;
    unified_ = unified;
}

std::uint64_t MemoryUse::now() const {
    auto const own = resident(read_);
    if (!group_limit_) return own;
    auto const all = number_in(read_, folder_ + (unified_ ? "/memory.current" : "/memory.usage_in_bytes"));
    auto const stat = read_(folder_ + "/memory.stat");
    std::string const prefix = unified_ ? "" : "total_";
    auto const droppable = field(stat, prefix + "inactive_file") + field(stat, prefix + "active_file");
    // Version 1 counts TCP's buffers apart.
    auto const tcp = unified_ ? 0 : number_in(read_, folder_ + "/memory.kmem.tcp.usage_in_bytes").value_or(0);
    auto const group = all.value_or(0) + tcp;
    return std::max(own, group - std::min(group, droppable));
}

}  // namespace sluice::control
