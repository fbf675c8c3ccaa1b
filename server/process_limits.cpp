#include "server/process_limits.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <thread>

namespace sluice {

std::uint64_t raise_descriptor_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

void forbid_core_files() {
    rlimit const none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
}

unsigned workers_for(ServerSettings const& server) {
    return server.workers > 0 ? server.workers : std::max(1U, std::thread::hardware_concurrency());
}

Settings with_possible_limits(Settings settings, std::uint64_t descriptors) {
    auto& most = settings.server.limits.max_connections;
    most = std::min(most, std::max<std::uint64_t>(1, descriptors * 4 / 10));
    return settings;
}

}  // namespace sluice
