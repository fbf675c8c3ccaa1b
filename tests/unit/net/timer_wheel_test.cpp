#include "server/net/timer_wheel.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <vector>

namespace sluice::net {
namespace {

/// Somewhere in the middle of a tick, as a real clock is.
Instant const start = Instant(std::chrono::hours(7)) + std::chrono::microseconds(3'700);

class Alarm final : public Watch {
public:
    int rung = 0;
    int dropped_ = 0;
    std::function<void()> action = [] {};

private:
    void expired() override {
        ++rung;
        auto const act = action;  // it may end *this
        act();
    }
    void dropped() override { ++dropped_; }
};

/// A clock that goes in small steps, as the worker's timer does.
struct Fixture {
    TimerWheel wheel{start};
    Instant now = start;
    void tick(Duration by, Duration step = TimerWheel::tick) {
        for (auto const end = now + by; now < end;) {
            now = std::min(end, now + step);
            wheel.advance(now);
        }
    }
};

TEST_CASE("a deadline never fires early, and at most two ticks late", "[timer]") {
    auto const wait =
        GENERATE(std::chrono::microseconds(0), std::chrono::microseconds(1), std::chrono::milliseconds(5),
                 std::chrono::milliseconds(10), std::chrono::microseconds(99'999), std::chrono::milliseconds(2'000),
                 std::chrono::milliseconds(10'240), std::chrono::milliseconds(10'241),
                 std::chrono::milliseconds(75'000), std::chrono::milliseconds(600'000));
    auto const step =
        GENERATE(std::chrono::milliseconds(1), std::chrono::milliseconds(10), std::chrono::milliseconds(17));
    CAPTURE(wait.count(), step.count());
    Fixture f;
    Alarm alarm;
    f.wheel.schedule(alarm, start + wait);
    while (f.now < start + wait) {
        REQUIRE(alarm.rung == 0);
        f.tick(std::min<Duration>(step, start + wait - f.now));
    }
    f.tick(2 * TimerWheel::tick + step, step);
    CHECK(alarm.rung == 1);
    f.tick(std::chrono::seconds(30), std::chrono::milliseconds(500));
    CHECK(alarm.rung == 1);
}

TEST_CASE("moving a deadline keeps the last one, whether it is later or sooner", "[timer]") {
    struct Row {
        milliseconds first;
        milliseconds then;
    };
    auto const row = GENERATE(Row{milliseconds(100), milliseconds(900)}, Row{milliseconds(900), milliseconds(100)},
                              Row{milliseconds(50'000), milliseconds(60)}, Row{milliseconds(60), milliseconds(50'000)});
    CAPTURE(row.first.count(), row.then.count());
    Fixture f;
    Alarm alarm;
    f.wheel.schedule(alarm, start + row.first);
    f.wheel.schedule(alarm, start + row.then);
    f.tick(row.then - milliseconds(1));
    CHECK(alarm.rung == 0);
    f.tick(milliseconds(31));
    CHECK(alarm.rung == 1);
}

TEST_CASE("a cancelled deadline does not fire, and can be set again", "[timer]") {
    Fixture f;
    Alarm alarm;
    f.wheel.schedule(alarm, start + milliseconds(100));
    f.wheel.cancel(alarm);
    f.tick(milliseconds(500));
    CHECK(alarm.rung == 0);
    f.wheel.schedule(alarm, f.now + milliseconds(100));
    f.wheel.cancel(alarm);
    f.wheel.schedule(alarm, f.now + milliseconds(50));
    f.tick(milliseconds(80));
    CHECK(alarm.rung == 1);
}

TEST_CASE("a deadline that is never does not fire", "[timer]") {
    Fixture f;
    Alarm alarm;
    f.wheel.schedule(alarm, never);
    f.tick(std::chrono::minutes(5), milliseconds(500));
    CHECK(alarm.rung == 0);
    CHECK_FALSE(f.wheel.drop_all());
}

TEST_CASE("a watch that is destroyed leaves the wheel, also while its slot is visited", "[timer]") {
    Fixture f;
    auto first = std::make_unique<Alarm>();
    auto second = std::make_unique<Alarm>();
    auto third = std::make_unique<Alarm>();
    for (auto* alarm : {first.get(), second.get(), third.get()}) f.wheel.schedule(*alarm, start + milliseconds(100));
    // Whichever of the three is visited first ends all of them.
    auto end_all = [&first, &second, &third] {
        first.reset();
        second.reset();
        third.reset();
    };
    for (auto* alarm : {first.get(), second.get(), third.get()}) alarm->action = end_all;
    f.tick(milliseconds(200));
    CHECK(first == nullptr);
    Alarm later;
    f.wheel.schedule(later, f.now + milliseconds(10));
    f.tick(milliseconds(50));
    CHECK(later.rung == 1);
}

TEST_CASE("what an expired deadline schedules is due later, not at once", "[timer]") {
    Fixture f;
    Alarm alarm;
    alarm.action = [&f, &alarm] { f.wheel.schedule(alarm, f.now + milliseconds(100)); };
    f.wheel.schedule(alarm, start + milliseconds(100));
    f.tick(milliseconds(1'050), milliseconds(1));
    CHECK(alarm.rung >= 8);
    CHECK(alarm.rung <= 10);
}

TEST_CASE("a clock that stood still for longer than a turn of the wheel misses nothing", "[timer]") {
    Fixture f;
    std::vector<std::unique_ptr<Alarm>> alarms;
    for (int i = 0; i < 3'000; ++i) {
        f.wheel.schedule(*alarms.emplace_back(std::make_unique<Alarm>()), start + milliseconds(7 * i));
    }
    f.now += std::chrono::seconds(30);
    f.wheel.advance(f.now);
    for (auto const& alarm : alarms) REQUIRE(alarm->rung == 1);
}

TEST_CASE("dropping reaches every scheduled watch once, and no cancelled one", "[timer]") {
    Fixture f;
    Alarm soon;
    Alarm late;
    Alarm cancelled;
    f.wheel.schedule(soon, start + milliseconds(20));
    f.wheel.schedule(late, start + std::chrono::hours(1));
    f.wheel.schedule(cancelled, start + milliseconds(20));
    f.wheel.cancel(cancelled);
    CHECK(f.wheel.drop_all());
    CHECK(soon.dropped_ == 1);
    CHECK(late.dropped_ == 1);
    CHECK(cancelled.dropped_ == 0);
    CHECK_FALSE(f.wheel.drop_all());
    f.tick(milliseconds(100));
    CHECK(soon.rung == 0);
}

}  // namespace
}  // namespace sluice::net
