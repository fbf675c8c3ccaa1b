// sluice_load: makes load for the benches and checks what comes back. One thread, bare epoll: it shares a CPU with the
// upstream and must not be what is measured.
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "driver.hpp"
#include "options.hpp"
#include "report.hpp"

namespace {

/// As many descriptors as the hard limit allows: a stream needs one.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
    auto options = sluice::bench::parse_options(argc, argv);
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
    raise_descriptor_limit();
    try {
        auto tally = sluice::bench::run_load(options);
        std::puts(sluice::bench::report(options, tally).c_str());
        return 0;
    } catch (std::exception const& error) {
        std::fprintf(stderr, "sluice_load: %s\n", error.what());
        return 1;
    }
}
