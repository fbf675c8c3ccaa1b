#include "server/store/process_identity.hpp"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

namespace sluice::store {
namespace {

std::string first_line(std::string const& file) {
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);
    return line;
}

/// Field 22 of /proc/PID/stat (proc(5)); 0: there is no such process, or only what is left of it (a zombie).
std::int64_t start_of(std::int64_t pid) {
    auto const line = first_line("/proc/" + std::to_string(pid) + "/stat");
    auto const name_end = line.rfind(')');  // the name may hold anything
    if (name_end == std::string::npos || name_end + 2 >= line.size() || line[name_end + 2] == 'Z') return 0;
    auto rest = std::string_view(line).substr(name_end + 2);
    constexpr int fields_before = 22 - 3;
    for (int field = 0; field < fields_before; ++field) {
        auto const space = rest.find(' ');
        if (space == std::string_view::npos) return 0;
        rest.remove_prefix(space + 1);
    }
    std::int64_t started = 0;
    std::from_chars(rest.data(), rest.data() + rest.size(), started);
    return started;
}

std::string boot() { return first_line("/proc/sys/kernel/random/boot_id"); }

std::string pid_space() {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/ns/pid", error).string();
}

}  // namespace

ProcessIdentity this_process() {
    auto const pid = std::int64_t{::getpid()};
    return {.pid = pid, .started = start_of(pid), .boot = boot(), .pid_space = pid_space()};
}

std::optional<bool> is_gone(ProcessIdentity const& process) {
    auto const now = boot();
    if (now.empty() || process.boot.empty()) return std::nullopt;
    if (process.boot != now) return true;
    if (process.pid_space.empty() || process.pid_space != pid_space()) return std::nullopt;
    return start_of(process.pid) != process.started;
}

}  // namespace sluice::store
