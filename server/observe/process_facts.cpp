#include "server/observe/process_facts.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>

namespace sluice::observe {
namespace {

/// The fields of /proc/self/stat behind the command's name, which may hold anything; [0] is the state, field 3 of
/// proc(5).
std::vector<std::string> stat_fields() {
    std::ifstream file("/proc/self/stat");
    std::string const text{std::istreambuf_iterator<char>(file), {}};
    auto const end_of_name = text.rfind(')');
    if (end_of_name == std::string::npos) return {};
    std::istringstream rest(text.substr(end_of_name + 1));
    return {std::istream_iterator<std::string>(rest), {}};
}

double number(std::vector<std::string> const& fields, std::size_t proc_field) {
    auto const index = proc_field - 3;
    return index < fields.size() ? std::strtod(fields[index].c_str(), nullptr) : 0;
}

double boot_time() {
    std::ifstream file("/proc/stat");
    for (std::string word; file >> word;) {
        if (word != "btime") continue;
        double seconds = 0;
        file >> seconds;
        return seconds;
    }
    return 0;
}

PageFamily gauge(std::string_view name, std::string_view help, double value) {
    return {.name = name, .help = help, .counter = false, .samples = {PageSample{.labels = {}, .value = value}}};
}

void add_descriptors(std::vector<PageFamily>& out) {
    std::error_code error;
    std::filesystem::directory_iterator it("/proc/self/fd", error);
    double open = 0;
    for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) ++open;
    // One of them is the directory itself.
    if (!error) out.push_back(gauge("process_open_fds", "Number of open file descriptors.", open - 1));
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        out.push_back(
            gauge("process_max_fds", "Maximum number of open file descriptors.", static_cast<double>(limit.rlim_cur)));
    }
}

}  // namespace

std::vector<PageFamily> process_facts() {
    std::vector<PageFamily> out;
    if (auto const stat = stat_fields(); !stat.empty()) {
        auto const ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
        auto const page = static_cast<double>(sysconf(_SC_PAGESIZE));
        auto cpu = gauge("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
                         (number(stat, 14) + number(stat, 15)) / ticks);
        cpu.counter = true;
        out.push_back(std::move(cpu));
        out.push_back(gauge("process_threads", "Number of threads.", number(stat, 20)));
        out.push_back(gauge("process_start_time_seconds", "Start time of the process since the epoch in seconds.",
                            boot_time() + number(stat, 22) / ticks));
        out.push_back(gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", number(stat, 23)));
        out.push_back(
            gauge("process_resident_memory_bytes", "Resident memory size in bytes.", number(stat, 24) * page));
    }
    add_descriptors(out);
    return out;
}

}  // namespace sluice::observe
