#include <catch2/catch.hpp>

#include "core/policy/worst_case.hpp"
#include "tests/unit/pipeline/fakes.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

constexpr WallTime begin{};

/// A gateway whose caller has a budget of so many nano-dollars, and asks for at most 100 tokens of output.
struct Budgeted : Gateway {
    explicit Budgeted(std::int64_t most, bool clamp = true) {
        rules = {{.kind = PayerKind::key, .name = "key", .limits = {Limit{.most = most, .clamp = clamp}}}};
        limits.configure(rules);
        caller.id = "key";
        caller.accounts = {limits.find({PayerKind::key, "key"})};
        chat.max_output_tokens = 100;
        chat.facts.output_tokens = 100;
        load();
    }

    void add(LimitRule rule) {
        rules.push_back(std::move(rule));
        limits.configure(rules);
        load();
    }

    /// What one call may cost at most.
    std::int64_t worst() const {
        return highest_cost(worst_case(chat, settings.models[0].targets[0].traits), settings.prices.at("alpha/one"))
            .count;
    }
    LimitStatus status(PayerKind kind = PayerKind::key) {
        for (auto const& each : limits.statuses(begin)) {
            if (each.payer.kind == kind) return each;
        }
        return {};
    }

    std::vector<LimitRule> rules;
};

std::int64_t const usual_cost = 10 * 1'000 + 5 * 2'000;  // what the fake dialect's answers report

/// The worst case of a request as the tests send it.
std::int64_t one_worst_case() { return Budgeted(0).worst(); }

std::string code_in(FakeSink const& sink) {
    auto const at = sink.body.find(R"("code":")") + 8;
    return sink.body.substr(at, sink.body.find('"', at) - at);
}

}  // namespace

TEST_CASE("what is counted by its text is never longer than what was asked for") {
    Budgeted gateway(one_worst_case());
    gateway.chat.max_output_tokens = 2;
    Scene const without_usage{.body = {{events({"role", "a", "b", "c", "d"})}, {events({"[DONE]"})}}};
    CHECK(gateway.ask(without_usage).status == 200);
    REQUIRE(gateway.ledger.lines.size() == 1);
    auto const& line = *gateway.ledger.lines[0];
    CHECK(line.settlements.at(0).usage.source == UsageSource::estimated);
    CHECK(line.settlements.at(0).usage.output == 2);
    CHECK(line.settlements.at(0).cost <= line.reservation.amount);
}

TEST_CASE("who has the end of an answer can spend at once what it did not cost") {
    Budgeted gateway(one_worst_case());
    gateway.chat.stream = GENERATE(true, false);
    std::int64_t reserved = -1;
    std::int64_t settled = -1;
    gateway.turnstile.at_write = [&] {
        reserved = gateway.status().reserved;
        settled = gateway.status().settled;
    };
    CHECK(gateway.ask(gateway.chat.stream ? good_stream() : good_answer()).status == 200);
    CHECK(reserved == 0);
    CHECK(settled == gateway.status().settled);
    CHECK(settled > 0);
}

TEST_CASE("a call reserves its worst case, is written down before it is made, and settles for what it cost") {
    Budgeted gateway(one_worst_case());
    auto const& outcome = gateway.ask(good_stream());
    CHECK(outcome.status == 200);
    REQUIRE(gateway.ledger.lines.size() == 1);
    auto const& line = *gateway.ledger.lines[0];
    CHECK(line.reservation.amount.count == gateway.worst());
    CHECK(line.reservation.request_id == "req-1");
    CHECK(line.reservation.key == "key");
    CHECK(line.reservation.attempt == 1);
    CHECK(line.reservation.model == "m");
    CHECK(line.reservation.provider == "alpha");
    CHECK(line.reservation.target_model == "one");
    CHECK(line.reservation.credential == "a1");
    CHECK(line.was_recorded);
    CHECK(line.was_durable);
    REQUIRE(line.settlements.size() == 1);
    CHECK(line.settlements[0].cost.count == usual_cost);
    CHECK(line.settlements[0].result == AttemptResult::ok);
    CHECK(gateway.status().settled == usual_cost);
    CHECK(gateway.status().reserved == 0);
    REQUIRE(outcome.attempts.size() == 1);
    CHECK(outcome.attempts[0].recorded);
    CHECK(outcome.attempts[0].reserved.count == gateway.worst());
}

TEST_CASE("without limits a call is written down all the same") {
    Gateway gateway;
    gateway.chat.stream = false;
    gateway.ask(good_answer());
    REQUIRE(gateway.ledger.lines.size() == 1);
    CHECK(gateway.ledger.lines[0]->reservation.amount.count > usual_cost);
    CHECK(gateway.ledger.lines[0]->settlements.at(0).cost.count == usual_cost);
}

TEST_CASE("a spent budget: 429 insufficient_quota that no SDK repeats, and nobody is asked") {
    Budgeted gateway(one_worst_case() - 1, false);
    auto const& outcome = gateway.ask(good_stream());
    CHECK(outcome.status == 429);
    CHECK(outcome.error->kind == ErrorKind::insufficient_quota);
    CHECK(code_in(*gateway.sink) == "insufficient_quota");
    CHECK(gateway.sink->header("x-should-retry") == "false");
    CHECK(gateway.sink->body.find("key 'key'") != std::string::npos);
    CHECK(gateway.upstream.calls.empty());
    CHECK(gateway.ledger.lines.empty());
    CHECK(gateway.status().reserved == 0);
}

TEST_CASE("money that requests under way may give back: the client is asked to come again soon") {
    Budgeted gateway(one_worst_case() + 10);
    Amounts some;
    some[Resource::money] = gateway.worst();
    auto const other = gateway.limits.reserve(gateway.caller.accounts, some, begin);
    REQUIRE(other);
    auto const& outcome = gateway.ask(good_stream());
    CHECK(outcome.status == 429);
    CHECK(code_in(*gateway.sink) == "budget_in_use");
    CHECK(gateway.sink->header("x-should-retry") == "true");
    CHECK(gateway.sink->header("retry-after-ms") == "1000");
}

TEST_CASE("an answer is bounded to what the budget has left, and the client is told") {
    auto const spare = 40 * 2'000;  // forty tokens fewer
    for (bool const stream : {true, false}) {
        Budgeted gateway(one_worst_case() - spare);
        gateway.chat.stream = stream;
        gateway.ask(stream ? good_stream() : good_answer());
        CHECK(gateway.sink->status == 200);
        CHECK(gateway.sink->header("x-sluice-max-tokens") == "60");
        CHECK(gateway.upstream.calls.at(0).body.find("at most 60") != std::string::npos);
        CHECK(gateway.ledger.lines.at(0)->reservation.amount.count == gateway.worst() - spare);
    }
}

TEST_CASE("too little for an answer, and strict clients, are refused rather than bounded") {
    Budgeted poor(one_worst_case() - 90 * 2'000);
    CHECK(poor.ask(good_stream()).status == 429);
    Budgeted strict(one_worst_case() - 1);
    strict.settings.models[0].unsupported = UnsupportedPolicy::reject;
    strict.load();
    CHECK(strict.ask(good_stream()).status == 429);
}

TEST_CASE("a model without a price is refused under a budget, unless the budget says otherwise") {
    for (bool const allowed : {false, true}) {
        Budgeted gateway(one_worst_case());
        gateway.settings.prices.clear();
        gateway.load();
        gateway.rules[0].limits[0].allow_unpriced = allowed;
        gateway.limits.configure(gateway.rules);
        auto const& outcome = gateway.ask(good_stream());
        CHECK(outcome.status == (allowed ? 200 : 400));
        if (allowed) {
            CHECK(gateway.ledger.lines.at(0)->settlements.at(0).unpriced);
            CHECK(gateway.status().settled == 0);
        } else {
            CHECK(code_in(*gateway.sink) == "unpriced_model");
            CHECK(gateway.upstream.calls.empty());
        }
    }
}

TEST_CASE("no call is made that the ledger did not take") {
    for (bool const at_once : {true, false}) {
        Budgeted gateway(one_worst_case());
        gateway.ledger.fails_at_once = at_once;
        gateway.ledger.fails_to_record = !at_once;
        auto const& outcome = gateway.ask(good_stream());
        CHECK(outcome.status == 503);
        CHECK(code_in(*gateway.sink) == "ledger_unavailable");
        CHECK(gateway.sink->header("x-should-retry") == "true");
        CHECK(gateway.upstream.calls.empty());
        CHECK(gateway.status().reserved == 0);
        CHECK(gateway.status().settled == 0);
    }
}

TEST_CASE("a client sees nothing of an answer whose reservation might be lost") {
    for (bool const stream : {true, false}) {
        Budgeted gateway(one_worst_case());
        gateway.chat.stream = stream;
        gateway.ledger.fails_to_last = true;
        gateway.ask(stream ? good_stream() : good_answer());
        CHECK(gateway.sink->status == 503);
        CHECK(gateway.sink->body.find("hi") == std::string::npos);
        CHECK(gateway.status().reserved == 0);
    }
}

TEST_CASE("every attempt has a line of its own, and a failed one costs nothing") {
    Budgeted gateway(2 * one_worst_case());
    gateway.ask({refused(500), good_stream()});
    REQUIRE(gateway.ledger.lines.size() == 2);
    CHECK(gateway.ledger.lines[0]->settlements.at(0).cost.count == 0);
    CHECK(gateway.ledger.lines[0]->settlements.at(0).result == AttemptResult::server_error);
    CHECK(gateway.ledger.lines[1]->reservation.attempt == 2);
    CHECK(gateway.ledger.lines[1]->settlements.at(0).cost.count == usual_cost);
    CHECK(gateway.status().settled == usual_cost);
}

TEST_CASE("a stream without max_tokens begins with a part of its worst case, and reserves more as it grows") {
    Budgeted gateway(1'000'000'000);
    gateway.chat.max_output_tokens.reset();
    gateway.chat.facts.output_tokens = 0;
    std::vector<std::string> many(200, "hundred bytes");
    std::vector<Say> body;
    for (auto const& text : many) body.push_back({events({text})});
    body.push_back({events({"usage", "[DONE]"})});
    gateway.ask({Scene{.body = body}});
    CHECK(gateway.sink->ended);
    auto const& line = *gateway.ledger.lines.at(0);
    CHECK(line.reservation.amount.count < gateway.worst());
    CHECK(!line.raised.empty());
    CHECK(line.raised.back().count >= 200 * 100 * 2'000);
    CHECK(line.settlements.at(0).cost.count == usual_cost);
    CHECK(gateway.status().reserved == 0);
}

TEST_CASE("a stream that has used up its reservation is cut when nobody has more, and pays for what it used") {
    Budgeted gateway(20'000'000);  // 10,000 tokens
    gateway.chat.max_output_tokens.reset();
    gateway.chat.facts.output_tokens = 0;
    std::vector<Say> body;
    for (int i = 0; i < 200; ++i) body.push_back({events({"hundred bytes"})});
    auto const& outcome = gateway.ask({Scene{.body = body}});
    CHECK(outcome.error->kind == ErrorKind::insufficient_quota);
    CHECK(gateway.sink->body.find(R"("code":"insufficient_quota")") != std::string::npos);
    CHECK(gateway.sink->body.find("[DONE]") == std::string::npos);
    CHECK(gateway.upstream.cut_off == 1);
    auto const& settlement = gateway.ledger.lines.at(0)->settlements.at(0);
    CHECK(settlement.usage.source == UsageSource::estimated);
    CHECK(settlement.cost.count == 3 * 1'000 + settlement.usage.output * 2'000);
    CHECK(settlement.cost.count <= 20'000'000);
    CHECK(gateway.status().settled == settlement.cost.count);
}

TEST_CASE("a stream is not cut for want of a lease while what has arrived is reserved") {
    std::vector<Say> body;
    for (int i = 0; i < 5; ++i) body.push_back({events({"hundred bytes"})});
    body.push_back({events({"usage", "[DONE]"})});
    auto ask = [&body](Budgeted& gateway) {
        gateway.chat.max_output_tokens.reset();
        gateway.chat.facts.output_tokens = 0;
        gateway.ask({Scene{.body = body}});
        return gateway.ledger.lines.at(0)->reservation.amount.count;
    };
    Budgeted alone(1'000'000'000), sharing(1'000'000'000);
    auto const first = ask(alone);
    sharing.limits.use_leases(true);
    sharing.limits.grant({PayerKind::key, "key"}, sharing.rules[0].limits[0], begin, first,
                         begin + std::chrono::days(1));
    CHECK(ask(sharing) == first);
    CHECK(sharing.sink->body.find("[DONE]") != std::string::npos);
    CHECK(sharing.ledger.lines.at(0)->raised.empty());
    CHECK(sharing.limits.leases(begin).at(0).wanted > 0);
}

TEST_CASE("whoever leaves, whenever: nothing stays reserved, and every line is settled once or given up") {
    for (bool const stream : {true, false}) {
        for (int stop_at = 1; stop_at < 40; ++stop_at) {
            Budgeted gateway(2 * one_worst_case());
            gateway.chat.stream = stream;
            gateway.turnstile.stop_at = stop_at;
            gateway.ask({refused(500), stream ? good_stream() : good_answer()});
            CAPTURE(stop_at, stream);
            CHECK(gateway.status().reserved == 0);
            for (auto const& line : gateway.ledger.lines) CHECK(line->settlements.size() == 1);
        }
    }
}

TEST_CASE("a target waits for its lease of a limit that replicas share, rather than be passed over") {
    Budgeted gateway(1'000'000'000);
    gateway.add({.kind = PayerKind::target,
                 .name = "alpha/one",
                 .limits = {Limit{.of = Resource::requests, .most = 5, .per = {LimitPeriod::Kind::day}}}});
    gateway.limits.use_leases(true);
    gateway.limits.grant({PayerKind::key, "key"}, gateway.rules[0].limits[0], begin, 1'000'000'000,
                         begin + std::chrono::days(1));
    auto const& first = gateway.ask(good_stream());
    REQUIRE(first.attempts.size() == 1);
    CHECK(first.attempts[0].provider == "alpha");
    CHECK(gateway.sharing.asked == 1);
}

TEST_CASE("a target whose lease does not come is passed over after all") {
    Budgeted gateway(1'000'000'000);
    gateway.add({.kind = PayerKind::target,
                 .name = "alpha/one",
                 .limits = {Limit{.of = Resource::requests, .most = 5, .per = {LimitPeriod::Kind::day}}}});
    gateway.limits.use_leases(true);
    gateway.limits.grant({PayerKind::key, "key"}, gateway.rules[0].limits[0], begin, 1'000'000'000,
                         begin + std::chrono::days(1));
    gateway.sharing.lends = false;
    auto const& outcome = gateway.ask(good_stream());
    REQUIRE(outcome.attempts.size() == 1);
    CHECK(outcome.attempts[0].provider == "beta");
}

TEST_CASE("a target whose own limit is reached is passed over") {
    Budgeted gateway(1'000'000'000);
    gateway.add({.kind = PayerKind::target,
                 .name = "alpha/one",
                 .limits = {Limit{.of = Resource::requests, .most = 1, .per = {LimitPeriod::Kind::day}}}});
    CHECK(gateway.ask(good_stream()).attempts.at(0).provider == "alpha");
    auto const& second = gateway.ask(good_stream());
    REQUIRE(second.attempts.size() == 1);
    CHECK(second.attempts[0].provider == "beta");
    gateway.chat.requested_model = "solo";  // has no other
    auto const& third = gateway.ask(good_stream());
    CHECK(third.status == 429);
    CHECK(third.error->kind == ErrorKind::rate_limit_exceeded);
}

TEST_CASE("a provider's budget turns requests to another provider") {
    Budgeted gateway(1'000'000'000);
    gateway.add({.kind = PayerKind::provider, .name = "alpha", .limits = {Limit{.most = 1}}});
    CHECK(gateway.ask(good_stream()).attempts.at(0).provider == "beta");
}

TEST_CASE("models and end users have limits of their own") {
    Budgeted gateway(1'000'000'000);
    gateway.end_user = "alice";
    gateway.add({.kind = PayerKind::user, .name = "*", .limits = {Limit{.most = usual_cost}}});
    CHECK(gateway.ask(good_stream()).status == 429);
    gateway.end_user = "";
    CHECK(gateway.ask(good_stream()).status == 200);
    gateway.add({.kind = PayerKind::model,
                 .name = "m",
                 .limits = {Limit{.of = Resource::requests, .most = 1, .per = {LimitPeriod::Kind::day}}}});
    CHECK(gateway.ask(good_stream()).status == 200);
    auto const& refused_one = gateway.ask(good_stream());
    CHECK(refused_one.error->kind == ErrorKind::rate_limit_exceeded);
    CHECK(gateway.sink->header("x-ratelimit-remaining-requests") == "0");
    CHECK(!gateway.sink->header("retry-after-ms").empty());
}

TEST_CASE("tokens are counted as they were used, not as they were guessed") {
    Budgeted gateway(1'000'000'000);
    gateway.add({.kind = PayerKind::key,
                 .name = "tokens",
                 .limits = {Limit{.of = Resource::tokens, .most = 1'000, .per = {LimitPeriod::Kind::day}}}});
    gateway.caller.accounts = {gateway.limits.find({PayerKind::key, "tokens"})};
    Amounts one;
    one[Resource::requests] = one[Resource::concurrent] = 1;
    gateway.permit = *gateway.limits.reserve(gateway.caller.accounts, one, begin);
    CHECK(gateway.ask(good_stream()).status == 200);
    CHECK(gateway.sink->header("x-ratelimit-limit-tokens") == "1000");
    CHECK(gateway.limits.rates_left(gateway.caller.accounts, begin).tokens->left == 985);
}

TEST_CASE("a call with the client's own key is none of our money") {
    Budgeted gateway(1);
    gateway.own_keys = {{.provider = "alpha", .credential = {.name = "own", .value = Secret("x")}}};
    CHECK(gateway.ask(good_stream()).status == 200);
    CHECK(gateway.ledger.lines.at(0)->settlements.at(0).cost.count == 0);
    CHECK(gateway.status().settled == 0);
}
