#include "core/policy/credential_pool.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace sluice;

namespace {

Instant const start = Instant() + seconds(1'000);

std::string picks(CredentialPool& pool, int times, Instant now) {
    std::string names;
    for (int i = 0; i < times; ++i) {
        auto const picked = pool.pick(now);
        names += picked ? static_cast<char>('a' + *picked) : '-';
    }
    return names;
}

}  // namespace

TEST_CASE("requests are spread over the free credentials by weight, without clumps", "[credentials]") {
    auto [weights, expected] = GENERATE(table<std::vector<unsigned>, char const*>({
        {{}, "aaaa"}, {{1}, "aaaa"}, {{1, 1}, "abab"}, {{5, 1, 1}, "aabacaa"}, {{0, 1}, "abab"},  // a weight of nothing
                                                                                                  // still counts
    }));
    CredentialPool pool(weights);
    CHECK(picks(pool, static_cast<int>(std::string(expected).size()), start) == expected);
}

TEST_CASE("a benched credential is passed over until its time is up", "[credentials]") {
    CredentialPool pool({1, 1});
    CHECK(pool.bench(0, Bench::rate_limited, seconds(3), start) == seconds(3));
    CHECK(picks(pool, 3, start) == "bbb");
    CHECK(pool.state(0, start).reason == Bench::rate_limited);
    CHECK(pool.state(0, start).time_left == seconds(3));
    CHECK(picks(pool, 4, start + seconds(3)).find('a') != std::string::npos);
    CHECK(pool.state(0, start + seconds(3)).reason == Bench::none);
}

TEST_CASE("nothing is picked while all rest, and the shortest wait is known", "[credentials]") {
    CredentialPool pool({1, 1});
    pool.bench(0, Bench::rate_limited, seconds(9), start);
    pool.bench(1, Bench::rate_limited, seconds(4), start);
    CHECK(picks(pool, 1, start) == "-");
    CHECK_FALSE(pool.any_free(start));
    CHECK(pool.all_benched(start).time_left == seconds(4));
    CHECK(pool.all_benched(start).reason == Bench::rate_limited);
    pool.bench(1, Bench::auth, {}, start);
    CHECK(pool.all_benched(start).reason == Bench::none);
}

TEST_CASE("a credential rests longer each time, until a request succeeds", "[credentials]") {
    auto [reason, first, cap] = GENERATE(
        table<Bench, int, int>({{Bench::rate_limited, 1, 60}, {Bench::auth, 60, 3'600}, {Bench::quota, 60, 3'600}}));
    CAPTURE(to_string(reason));
    CredentialPool pool({});
    auto now = start;
    int expected = first;
    for (int i = 0; i < 12; ++i) {
        CHECK(pool.bench(0, reason, {}, now) == seconds(expected));
        now += seconds(expected);
        expected = std::min(expected * 2, cap);
    }
    CHECK(pool.any_remembered());
    pool.succeeded(0, now);
    CHECK_FALSE(pool.any_remembered());
    CHECK(pool.bench(0, reason, {}, now) == seconds(first));
}

TEST_CASE("requests that fail together bench their credential once", "[credentials]") {
    CredentialPool pool({});
    for (int i = 0; i < 50; ++i) pool.bench(0, Bench::rate_limited, {}, start);
    CHECK(pool.state(0, start).time_left == seconds(1));
}

TEST_CASE("a success of a request sent before the refusal frees nothing", "[credentials]") {
    CredentialPool pool({});
    pool.bench(0, Bench::auth, {}, start);
    pool.succeeded(0, start - milliseconds(1));
    CHECK_FALSE(pool.any_free(start));
    pool.succeeded(0, start);
    CHECK(pool.any_free(start));
}

TEST_CASE("a reload keeps what is known about an unchanged credential", "[credentials]") {
    CredentialPool before({1, 1});
    before.bench(1, Bench::auth, {}, start);
    CredentialPool pool({3, 2});
    pool.inherit(0, before, 1);
    CHECK(pool.state(0, start).reason == Bench::auth);
    CHECK(picks(pool, 2, start) == "bb");
}
