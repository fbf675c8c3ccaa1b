// What an Idempotency-Key costs for the body that it comes with: its SHA-256, on the request's worker. Prints
// microseconds of CPU for each size. Usage: bench_idempotency [milliseconds for each line]. Prints the fastest of
// several runs, because everything else is noise from outside. OPENSSL_ia32cap=:~0x20000000 shows a processor without
// instructions for SHA.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "bench/micro/fastest.hpp"
#include "server/api/idempotency.hpp"

int main(int argc, char** argv) {
    std::chrono::milliseconds const length(argc > 1 ? std::atoi(argv[1]) : 1'000);
    for (std::size_t const size : {1'000UZ, 100'000UZ, 1'000'000UZ, 10'000'000UZ}) {
        std::string const body(size, 'x');
        auto const digest = [&body] {
            if (!sluice::api::digest_of("/v1/chat/completions", body)) std::abort();
        };
        digest();
        std::printf("%8zu bytes  %10.1f us\n", size, sluice::bench::fastest(length, digest) / 1'000);
    }
}
