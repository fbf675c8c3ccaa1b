#include "core/policy/health_check.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace sluice;

namespace {

/// What a provider was after each of these probes: '+' alive, '?' misdirected, '-' failed; "u" up, "d" down.
std::string states(std::string_view probes, unsigned unhealthy_after, unsigned healthy_after) {
    HealthCheckSettings settings;
    settings.unhealthy_after = unhealthy_after;
    settings.healthy_after = healthy_after;
    HealthCheck check;
    std::string out;
    for (char const probe : probes) {
        auto const before = check.is_down();
        auto const change = check.note(probe == '+'   ? ProbeResult::alive
                                       : probe == '?' ? ProbeResult::misdirected
                                                      : ProbeResult::failed,
                                       settings);
        bool const changed = before != check.is_down();
        CHECK(changed == (change != HealthCheck::Change::none));
        if (changed) CHECK((change == HealthCheck::Change::down) == check.is_down());
        out += check.is_down() ? 'd' : 'u';
    }
    return out;
}

}  // namespace

TEST_CASE("a status says whether somebody is there", "[health_check]") {
    for (int const status : {200, 204, 302, 400, 429}) CHECK(judge_probe(status) == ProbeResult::alive);
    for (int const status : {401, 403, 404, 405}) CHECK(judge_probe(status) == ProbeResult::misdirected);
    for (int const status : {500, 502, 503, 599}) CHECK(judge_probe(status) == ProbeResult::failed);
}

TEST_CASE("a provider changes its state after so many probes in a row", "[health_check]") {
    auto const [probes, expected] = GENERATE(table<char const*, char const*>({
        {"--", "uu"},
        {"---", "uud"},
        {"--+--", "uuuuu"},
        {"--?---", "uuuuud"},
        {"---+", "uudd"},
        {"---++", "uuddu"},
        {"---??", "uuddu"},
        {"---+-+-++", "uuddddddu"},
        {"---++---", "uudduuud"},
    }));
    CAPTURE(probes);
    CHECK(states(probes, 3, 2) == expected);
}

TEST_CASE("one probe may be enough", "[health_check]") { CHECK(states("-+-+", 1, 1) == "dudu"); }
