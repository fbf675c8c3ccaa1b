#include "core/pipeline/in_flight.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <thread>
#include <vector>

using namespace sluice;

namespace {

struct Bell final : Gate {
    std::atomic<bool> rung = false;
    Task<Result<bool>> wait(Instant, Cancellation&) override { co_return rung.exchange(false); }
    void open() override {
        rung = true;
        rung.notify_all();
    }
};

constexpr InFlight::Line short_line{.max = 1, .size = 2};

std::unique_ptr<InFlight::Waiting> wait(InFlight& in_flight, std::string_view team,
                                        InFlight::Line const& line = short_line) {
    return in_flight.wait_in_line(team, line, std::make_shared<Bell>());
}

}  // namespace

TEST_CASE("a place that is given back goes to who waits, not to who comes", "[in_flight]") {
    InFlight places;
    REQUIRE(places.try_enter(1));
    auto const waiting = wait(places, "a");
    REQUIRE(waiting);
    CHECK(places.waiting() == 1);
    CHECK_FALSE(waiting->take_place());
    places.leave();
    CHECK(places.count() == 1);
    CHECK(places.waiting() == 0);
    CHECK_FALSE(places.try_enter(1));
    CHECK(waiting->take_place());
    places.leave();
    CHECK(places.count() == 0);
}

TEST_CASE("nobody overtakes those who wait, even where a place is free", "[in_flight]") {
    InFlight places;
    REQUIRE(places.try_enter(1));
    auto const waiting = wait(places, "a");
    CHECK_FALSE(places.try_enter(2));
    CHECK(places.try_enter(0));  // where nothing is limited there is no line
}

TEST_CASE("a line has an end", "[in_flight]") {
    InFlight places;
    REQUIRE(places.try_enter(1));
    auto const first = wait(places, "a");
    auto second = wait(places, "a");
    CHECK_FALSE(wait(places, "b"));
    second.reset();
    CHECK(wait(places, "b"));
}

TEST_CASE("who waits where a place is free has it at once", "[in_flight]") {
    InFlight places;
    auto const waiting = wait(places, "a");
    REQUIRE(waiting);
    CHECK(waiting->take_place());
}

TEST_CASE("a raised limit lets in as many as it allows", "[in_flight]") {
    InFlight places;
    REQUIRE(places.try_enter(1));
    auto const first = wait(places, "a");
    auto const second = wait(places, "a", {.max = 3, .size = 2});
    CHECK(first->take_place());
    CHECK(second->take_place());
}

TEST_CASE("a place that came to one who has left goes to the next", "[in_flight]") {
    InFlight places;
    REQUIRE(places.try_enter(1));
    auto leaves = wait(places, "a");
    auto const stays = wait(places, "a");
    places.leave();
    leaves.reset();
    CHECK(stays->take_place());
    places.leave();
    CHECK(places.count() == 0);
}

TEST_CASE("no place is lost, whatever threads do", "[in_flight][stress]") {
    constexpr unsigned max = 3;
    constexpr int rounds = 3'000;
    InFlight places;
    std::atomic<int> inside = 0;
    std::atomic<bool> too_many = false;
    auto const work = [&places, &inside, &too_many](unsigned seed) {
        std::minstd_rand random(seed);
        std::string const team(1, static_cast<char>('a' + seed % 3));
        for (int round = 0; round < rounds; ++round) {
            bool has_place = places.try_enter(max);
            if (!has_place) {
                auto const bell = std::make_shared<Bell>();
                auto const waiting = places.wait_in_line(team, {.max = max, .size = 4}, bell);
                if (!waiting || random() % 4 == 0) continue;  // the line is full, or it loses patience
                bell->rung.wait(false);
                has_place = waiting->take_place();
                if (!has_place) too_many = true;
            }
            if (++inside > static_cast<int>(max)) too_many = true;
            if (random() % 8 == 0) std::this_thread::yield();
            --inside;
            places.leave();
        }
    };
    std::vector<std::jthread> threads;
    for (unsigned seed = 1; seed <= 8; ++seed) threads.emplace_back(work, seed);
    threads.clear();
    CHECK_FALSE(too_many);
    CHECK(places.count() == 0);
    CHECK(places.waiting() == 0);
    CHECK(places.try_enter(1));
}
