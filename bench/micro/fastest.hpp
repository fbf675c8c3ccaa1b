#pragma once

#include <algorithm>
#include <chrono>
#include <ctime>

namespace sluice::bench {

/// CPU time of this thread, so that others on the machine disturb less.
inline double cpu_nanoseconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// Nanoseconds of one call of `work`: the best of twenty runs of the given length together.
template <class Work>
double fastest(std::chrono::milliseconds length, Work work) {
    double best = 1e300;
    for (int run = 0; run < 20; ++run) {
        auto const begin = cpu_nanoseconds();
        auto const end = begin + static_cast<double>(length.count()) * 1e6 / 20;
        double calls = 0;
        auto now = begin;
        for (; now < end; now = cpu_nanoseconds()) {
            for (int i = 0; i < 64; ++i) work();
            calls += 64;
        }
        best = std::min(best, (now - begin) / calls);
    }
    return best;
}

}  // namespace sluice::bench
