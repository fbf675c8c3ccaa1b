#include "core/policy/fair_queue.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace sluice;

namespace {

std::vector<FairQueue::Number> drained(FairQueue& queue) {
    std::vector<FairQueue::Number> order;
    while (auto const next = queue.front()) {
        order.push_back(*next);
        queue.pop();
    }
    return order;
}

}  // namespace

TEST_CASE("teams take turns, and inside a team the first comes first", "[fair_queue]") {
    FairQueue queue;
    for (auto const* team : {"a", "a", "a", "b", "c", "b"}) queue.push(team);
    CHECK(queue.size() == 6);
    CHECK(drained(queue) == std::vector<FairQueue::Number>{1, 4, 5, 2, 6, 3});
    CHECK(queue.size() == 0);
}

TEST_CASE("a team that comes later waits for one turn of each other team at most", "[fair_queue]") {
    FairQueue queue;
    for (int i = 0; i < 100; ++i) queue.push("flood");
    queue.pop();
    auto const late = queue.push("late");
    queue.pop();
    CHECK(queue.front() == late);
}

TEST_CASE("one that gives up leaves no gap", "[fair_queue]") {
    FairQueue queue;
    auto const first = queue.push("a");
    auto const alone = queue.push("b");
    auto const second = queue.push("a");
    SECTION("the first of its team") {
        queue.remove("a", first);
        CHECK(drained(queue) == std::vector{second, alone});
    }
    SECTION("the only one of its team") {
        queue.remove("b", alone);
        CHECK(drained(queue) == std::vector{first, second});
    }
    SECTION("one that is not there") {
        queue.remove("a", alone);
        queue.remove("c", first);
        CHECK(queue.size() == 3);
    }
}
