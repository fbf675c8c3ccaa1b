#include "server/api/idempotency.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

using namespace sluice;
using namespace sluice::api;

namespace {

constexpr IdempotencySettings settings{.keep = seconds(60), .memory_bytes = 64 * 1024};
constexpr std::uint64_t most_leads = 1'000'000;

Digest named(std::string const& text) { return digest_of("caller", text).value(); }

/// The table with a clock that ticks by hand.
struct Desk {
    explicit Desk(IdempotencySettings with = settings) : table(with) {}

    Result<IdempotencyPlace> enter(std::string const& name, std::string const& request = "request") {
        return table.enter(named(name), named(request), most_leads, now);
    }
    /// A request from its beginning to its end.
    void serve(std::string const& name, std::string const& text = "answer") {
        auto place = enter(name);
        REQUIRE(place);
        REQUIRE(place->lead);
        answer(*place, text);
        place->lead.keep(now);
    }
    static void answer(IdempotencyPlace const& place, std::string_view text) {
        place.answer->begin({.status = 200});
        place.answer->append(Pieces(&text, 1));
        place.answer->end(Ending::complete);
    }
    bool leads(std::string const& name) {
        auto const place = enter(name);
        return place && place->lead;
    }
    std::string refusal(std::string const& name, std::string const& request = "request") {
        auto const place = enter(name, request);
        return place ? "" : std::string(code_of(place.error()));
    }

    IdempotencyTable table;
    Instant now = Instant() + seconds(1'000);
};

http::RequestHead head_with(std::vector<std::string> const& keys) {
    http::RequestHead head;
    for (auto const& key : keys) head.fields.push_back({"Idempotency-Key", key});
    return head;
}

}  // namespace

TEST_CASE("the first request of a name leads, and the others share its answer", "[idempotency]") {
    Desk desk;
    auto const first = desk.enter("a");
    auto const second = desk.enter("a");
    REQUIRE(first);
    REQUIRE(second);
    CHECK(first->lead);
    CHECK_FALSE(second->lead);
    CHECK(first->answer == second->answer);
    CHECK(desk.leads("b"));
}

TEST_CASE("a name stands for one request, while it is under way and when it is over", "[idempotency]") {
    Desk desk;
    auto first = desk.enter("a");
    CHECK(desk.refusal("a", "another") == "idempotency_key_reused");
    Desk::answer(*first, "text");
    first->lead.keep(desk.now);
    CHECK(desk.refusal("a", "another") == "idempotency_key_reused");
    CHECK(desk.refusal("a") == "");
}

TEST_CASE("a request that cost nothing leaves no trace", "[idempotency]") {
    Desk desk;
    {
        auto const refused = desk.enter("a");
    }
    CHECK(desk.table.facts().names == 0);
    CHECK(desk.table.facts().bytes == 0);
    CHECK(desk.leads("a"));
}

TEST_CASE("an answer is kept for its time, counted from its end", "[idempotency]") {
    Desk desk;
    auto slow = desk.enter("slow");
    desk.serve("a");
    desk.now += seconds(59);
    CHECK_FALSE(desk.leads("a"));
    Desk::answer(*slow, "late");
    slow->lead.keep(desk.now);
    desk.now += seconds(1);
    CHECK_FALSE(desk.leads("slow"));
    CHECK(desk.leads("a"));
    desk.now += seconds(59);
    desk.table.forget_expired(desk.now);
    CHECK(desk.table.facts().names == 0);
}

TEST_CASE("one that is under way is never forgotten", "[idempotency]") {
    Desk desk;
    auto const running = desk.enter("a");
    desk.now += std::chrono::hours(100);
    desk.table.forget_expired(desk.now);
    CHECK_FALSE(desk.leads("a"));
}

TEST_CASE("the oldest answers make room, and their requests are not served again", "[idempotency]") {
    Desk desk;
    auto const running = desk.enter("running");
    std::string const large(20 * 1024, 'x');
    for (auto const* name : {"1", "2", "3", "4"}) desk.serve(name, large);
    CHECK(desk.refusal("1") == "idempotent_answer_not_kept");
    CHECK(desk.refusal("4") == "");
    CHECK(desk.refusal("running") == "");
    CHECK(desk.table.facts().bytes <= settings.memory_bytes);
    desk.now += seconds(60);
    CHECK(desk.leads("1"));
}

TEST_CASE("what running requests take counts too, and they don't lose their beginning for others", "[idempotency]") {
    Desk desk;
    desk.serve("old", std::string(30 * 1024, 'x'));
    auto const running = desk.enter("running");
    running->answer->begin({.status = 200, .stream = true});
    std::string const piece(50 * 1024, 'x');
    std::string_view const view = piece;
    running->answer->append(Pieces(&view, 1));
    CHECK(running->answer->is_kept());
    CHECK(desk.refusal("old") == "idempotent_answer_not_kept");
    running->answer->append(Pieces(&view, 1));  // now there is nobody else who could make room
    CHECK_FALSE(running->answer->is_kept());
}

TEST_CASE("an answer that is too large, or never ended, is not kept, but its request is not served again",
          "[idempotency]") {
    Desk desk({.keep = seconds(60), .memory_bytes = 64ULL * 1024 * 1024});
    SECTION("too large") { desk.serve("a", std::string(RecordedAnswer::most_kept + 1, 'x')); }
    SECTION("just not too large") {
        desk.serve("b", std::string(RecordedAnswer::most_kept, 'x'));
        CHECK(desk.refusal("b") == "");
        desk.enter("a")->lead.keep(desk.now);
    }
    SECTION("never ended") { desk.enter("a")->lead.keep(desk.now); }
    CHECK(desk.refusal("a") == "idempotent_answer_not_kept");
}

TEST_CASE("there are so many names, the oldest finished ones go", "[idempotency]") {
    Desk desk({.keep = seconds(60), .memory_bytes = 512ULL * 1024 * 1024});
    auto const running = desk.enter("running");
    for (std::size_t i = 0; i < IdempotencyTable::most_names; ++i) desk.serve(std::to_string(i));
    CHECK(desk.table.facts().names == IdempotencyTable::most_names);
    CHECK_FALSE(desk.leads("running"));
    CHECK_FALSE(desk.leads("1"));
    CHECK(desk.leads("0"));
}

TEST_CASE("so many may be under way, of those whose clients may have left", "[idempotency]") {
    Desk desk;
    auto first = desk.table.enter(named("a"), named("r"), 1, desk.now);
    auto const second = desk.table.enter(named("b"), named("r"), 1, desk.now);
    REQUIRE_FALSE(second);
    CHECK(second.error().kind == ErrorKind::overloaded);
    CHECK(desk.table.enter(named("a"), named("r"), 1, desk.now));
    first->lead.keep(desk.now);
    CHECK(desk.table.enter(named("b"), named("r"), 1, desk.now));
}

TEST_CASE("names of two callers never meet", "[idempotency]") {
    CHECK(digest_of("ab", "c").value() != digest_of("a", "bc").value());
    CHECK(digest_of("", "1:a").value() != digest_of("a", "").value());
    CHECK(digest_of("a", "b").value() == digest_of("a", "b").value());
}

TEST_CASE("a digest is the same in pieces as at once", "[idempotency]") {
    std::string const text(1'000, 'x');
    Digester digester;
    for (int round = 0; round < 2; ++round) {
        add_apart(digester, "route");
        for (std::size_t i = 0; i < text.size(); i += 7) digester.add(std::string_view(text).substr(i, 7));
        CHECK(digester.finish().value() == digest_of("route", text).value());
    }
}

TEST_CASE("a key is one field of 1 to 255 visible ASCII characters", "[idempotency]") {
    auto const [keys, good] = GENERATE(table<std::vector<std::string>, bool>({
        {{"k"}, true},
        {{std::string(255, 'k')}, true},
        {{"!~\"{}"}, true},
        {{""}, false},
        {{std::string(256, 'k')}, false},
        {{"a b"}, false},
        {{"a\tb"}, false},
        {{"\xC3\xA4"}, false},
        {{"k", "k"}, false},
    }));
    CAPTURE(keys);
    auto const key = idempotency_key(head_with(keys));
    CHECK(key.has_value() == good);
    if (!key) CHECK(key.error().param == "Idempotency-Key");
}
