#include "server/control/memory_use.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <map>

namespace sluice::control {
namespace {

using Files = std::map<std::string, std::string>;

MemoryUse::Read reading(Files files) {
    return [files = std::move(files)](std::string const& path) {
        auto const found = files.find(path);
        return found == files.end() ? std::string() : found->second;
    };
}

constexpr std::uint64_t mib = 1024 * 1024;

TEST_CASE("the lowest limit of the groups that hold this process counts, in both versions", "[memory]") {
    struct Case {
        char const* name;
        Files files;
        std::optional<std::uint64_t> limit;
    };
    std::string const v2 = "0::/system.slice/sluice.service\n";
    std::string const v1 = "5:cpu:/x\n4:memory:/docker/abc\n0::/\n";
    auto const cases = std::vector<Case>{
        {"none", {}, std::nullopt},
        {"version 2",
         {{"/proc/self/cgroup", v2}, {"/sys/fs/cgroup/system.slice/sluice.service/memory.max", "67108864\n"}},
         64 * mib},
        {"version 2 without one",
         {{"/proc/self/cgroup", v2}, {"/sys/fs/cgroup/system.slice/sluice.service/memory.max", "max\n"}},
         std::nullopt},
        {"a parent's is lower",
         {{"/proc/self/cgroup", v2},
          {"/sys/fs/cgroup/system.slice/sluice.service/memory.max", "67108864\n"},
          {"/sys/fs/cgroup/system.slice/memory.max", "33554432\n"}},
         32 * mib},
        {"in a container's own view",
         {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/memory.max", "67108864\n"}},
         64 * mib},
        {"version 1",
         {{"/proc/self/cgroup", v1}, {"/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "67108864\n"}},
         64 * mib},
        {"version 1 in a container that sees the host's path",
         {{"/proc/self/cgroup", v1}, {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "67108864\n"}},
         64 * mib},
        {"version 1 without one",
         {{"/proc/self/cgroup", v1},
          {"/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "9223372036854771712\n"}},
         std::nullopt},
    };
    for (auto const& each : cases) {
        CAPTURE(each.name);
        CHECK(MemoryUse(reading(each.files)).group_limit() == each.limit);
    }
}

TEST_CASE("what is used is what counts against the limit, without pages that can be dropped", "[memory]") {
    auto const page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    Files files{{"/proc/self/statm", "5000 100 50 1 0 1 0\n"}};
    CHECK(MemoryUse(reading(files)).now() == 100 * page);

    files["/proc/self/cgroup"] = "0::/a\n";
    files["/sys/fs/cgroup/a/memory.max"] = "67108864\n";
    files["/sys/fs/cgroup/a/memory.current"] = "41943040\n";
    files["/sys/fs/cgroup/a/memory.stat"] = "anon 1\ninactive_file 8388608\nactive_file 2097152\nsock 5\n";
    CHECK(MemoryUse(reading(files)).now() == 30 * mib);
    files["/sys/fs/cgroup/a/memory.current"] = "1048576\n";  // shared pages may be another group's
    CHECK(MemoryUse(reading(files)).now() == 100 * page);
}

}  // namespace
}  // namespace sluice::control
