#include "server/store/sqlite_batch.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

namespace sluice::store::sqlite {
namespace {

/// More would only take memory: what is not remembered is read.
constexpr std::size_t most_remembered = 200'000;

bool answered(LedgerSettlement const& end) { return end.upstream_status >= 200 && end.upstream_status < 300; }

std::int64_t tokens_of(Usage const& usage) { return usage.input + usage.output; }

Amounts used_by(Settle const& event) {
    Amounts used;
    used[Resource::money] = event.end.cost.count;
    used[Resource::requests] = event.requests;
    used[Resource::tokens] = tokens_of(event.end.usage);
    return used;
}

}  // namespace

Result<AppendStatements> AppendStatements::prepare(Database& database) {
    AppendStatements all;
    struct Row {
        Statement& statement;
        std::string_view sql;
    };
    Row const rows[] = {
        {all.call, "INSERT OR IGNORE INTO calls VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)"},
        {all.raise, "INSERT OR IGNORE INTO raises VALUES(?1,?2,?3,?4)"},
        {all.settlement,
         "INSERT OR IGNORE INTO settlements "
         "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21)"},
        {all.adjustment, "INSERT OR IGNORE INTO adjustments VALUES(?1,?2,?3,?4,?5,?6,?7)"},
        {all.opened, "INSERT OR IGNORE INTO open_calls VALUES(?1,?2)"},
        {all.closed, "DELETE FROM open_calls WHERE epoch = ?1 AND number = ?2"},
        {all.sum,
         "INSERT INTO sums VALUES(?1,?2,?3,?4,?5,?6) ON CONFLICT DO UPDATE SET money = money + excluded.money, "
         "requests = requests + excluded.requests, tokens = tokens + excluded.tokens"},
        {all.epoch,
         "INSERT INTO epochs VALUES(?1,?2,?3,?4,0) ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, "
         "settled = settled + excluded.settled, answered = answered + excluded.answered"},
        {all.find_call,
         "SELECT key, team, tags, user, model, provider, target_model, attempt, max(reserved, coalesce((SELECT "
         "max(amount) FROM raises r WHERE r.epoch = c.epoch AND r.number = c.number), 0)) "
         "FROM calls c WHERE epoch = ?1 AND number = ?2"},
        {all.find_recovered,
         "SELECT cost, input + output FROM settlements WHERE epoch = ?1 AND number = ?2 AND recovered = 1"},
    };
    for (auto const& row : rows) {
        SLUICE_TRY(row.statement, database.prepare(row.sql));
    }
    return all;
}

Result<> AppendBatch::add(LedgerEvent const& event) {
    return std::visit([this](auto const& each) { return add(each); }, event);
}

Result<> AppendBatch::add(Reserve const& event) {
    auto const& call = event.call;
    auto const tags = tag_lines(call.tags);
    SLUICE_CHECK(statements_.call
                     .bind(event.id.epoch, event.id.number, call.at, call.request_id, std::int64_t{call.attempt},
                           call.key, call.team, tags, call.user, call.model, call.provider, call.target_model,
                           call.credential, call.amount)
                     .run());
    if (database_.changes() == 0) return {};
    ++epochs_[event.id.epoch].calls;
    ChargedCall const charged{.key = call.key,
                              .team = call.team,
                              .tag_lines = tags,
                              .user = call.user,
                              .model = call.model,
                              .provider = call.provider,
                              .target_model = call.target_model};
    begun_[event.id] = {.payers = payers_of(charged), .reserved = call.amount, .attempt = call.attempt};
    return {};
}

Result<> AppendBatch::add(Raise const& event) {
    SLUICE_CHECK(statements_.raise.bind(event.id.epoch, event.id.number, event.amount, event.at).run());
    for (auto* const calls : {&begun_, &open_}) {
        auto const found = calls->find(event.id);
        // Should the transaction fail, the call is remembered with too much: it is only compared with what it cost, and
        // the same raise comes again.
        if (found != calls->end()) found->second.reserved = std::max(found->second.reserved, event.amount);
    }
    return {};
}

Result<OpenCall const*> AppendBatch::call(CallId id) {
    if (auto const found = begun_.find(id); found != begun_.end()) return &found->second;
    if (auto const found = open_.find(id); found != open_.end()) return &found->second;
    read_ = {};
    SLUICE_CHECK(statements_.find_call.bind(id.epoch, id.number).for_each([&call = read_](Statement const& row) {
        ChargedCall const charged{.key = row.text(0),
                                  .team = row.text(1),
                                  .tag_lines = row.text(2),
                                  .user = row.text(3),
                                  .model = row.text(4),
                                  .provider = row.text(5),
                                  .target_model = row.text(6)};
        call = {
            .payers = payers_of(charged), .reserved = row.money(8), .attempt = static_cast<unsigned>(row.integer(7))};
    }));
    return &read_;
}

Result<> AppendBatch::insert_settlement(Settle const& event, NanoUsd reserved, Recovered recovered) {
    auto const& end = event.end;
    auto const& usage = end.usage;
    std::int64_t const over = reserved.count > 0 && end.cost > reserved ? 1 : 0;
    return statements_.settlement
        .bind(event.id.epoch, event.id.number, end.at, end.cost, end.sheet_cost, usage.reported_cost, usage.input,
              usage.output, usage.cached_input, usage.cache_write, usage.reasoning, usage.audio_input,
              usage.audio_output, to_string(usage.source), to_string(end.result), std::int64_t{end.upstream_status},
              event.requests, std::int64_t{end.uncertain ? 1 : 0}, std::int64_t{end.unpriced ? 1 : 0}, over,
              std::int64_t{recovered == Recovered::yes ? 1 : 0})
        .run();
}

Result<> AppendBatch::add(Settle const& event, Recovered recovered) {
    SLUICE_TRY(auto const* const call, this->call(event.id));
    SLUICE_CHECK(insert_settlement(event, call->reserved, recovered));
    if (database_.changes() == 0) {
        settled_.push_back(event.id);
        return correct_recovered(event);
    }
    auto& counts = epochs_[event.id.epoch];
    ++counts.settled;
    if (answered(event.end)) ++counts.answered;
    charge(call->payers, event.end.at, used_by(event));
    if (begun_.erase(event.id) == 0) settled_.push_back(event.id);
    return {};
}

/// A call is settled once, except that what was assumed of a process that seemed gone gives way to what it says.
Result<> AppendBatch::correct_recovered(Settle const& event) {
    std::optional<Amounts> assumed;
    SLUICE_CHECK(
        statements_.find_recovered.bind(event.id.epoch, event.id.number).for_each([&assumed](Statement const& row) {
            assumed.emplace();
            (*assumed)[Resource::money] = row.integer(0);
            (*assumed)[Resource::tokens] = row.integer(1);
        }));
    if (!assumed) return {};
    Amounts more;
    more[Resource::money] = event.end.cost.count - (*assumed)[Resource::money];
    more[Resource::tokens] = tokens_of(event.end.usage) - (*assumed)[Resource::tokens];
    SLUICE_CHECK(statements_.adjustment
                     .bind(event.id.epoch, event.id.number, std::int64_t{0}, event.end.at, more[Resource::money],
                           more[Resource::tokens], std::string_view("settled after its process was taken for gone"))
                     .run());
    if (database_.changes() == 0) return {};
    SLUICE_TRY(auto const* const call, this->call(event.id));
    charge(call->payers, event.end.at, more);
    return {};
}

Result<> AppendBatch::adjust(CallId id, NanoUsd amount, std::string const& why, WallTime now) {
    SLUICE_TRY(auto const settled,
               database_.integer("SELECT count(*) FROM settlements WHERE epoch = " + std::to_string(id.epoch) +
                                 " AND number = " + std::to_string(id.number)));
    SLUICE_TRY(auto const* const call, this->call(id));
    if (settled != 1 || call->payers.empty()) {
        return std::unexpected(Error{.kind = ErrorKind::invalid_value, .message = "no settled call has this id"});
    }
    SLUICE_TRY(auto const last,
               database_.integer("SELECT max(line) FROM adjustments WHERE epoch = " + std::to_string(id.epoch) +
                                 " AND number = " + std::to_string(id.number)));
    SLUICE_CHECK(
        statements_.adjustment.bind(id.epoch, id.number, last.value_or(0) + 1, now, amount, std::int64_t{0}, why)
            .run());
    Amounts more;
    more[Resource::money] = amount.count;
    charge(call->payers, now, more);
    return {};
}

void AppendBatch::charge(std::vector<Payer> const& payers, WallTime at, Amounts const& used) {
    if (used == Amounts{}) return;
    auto const hour = hour_of(at);
    for (auto const& payer : payers) {
        auto& sum = sums_[Payment{.hour = hour, .payer = payer}];
        for (auto const resource : {Resource::money, Resource::requests, Resource::tokens}) {
            sum[resource] += used[resource];
        }
    }
}

Result<> AppendBatch::finish() {
    for (auto const& [id, call] : begun_) SLUICE_CHECK(statements_.opened.bind(id.epoch, id.number).run());
    for (auto const& id : settled_) SLUICE_CHECK(statements_.closed.bind(id.epoch, id.number).run());
    for (auto const& [payment, used] : sums_) {
        SLUICE_CHECK(statements_.sum
                         .bind(payment.hour, to_text(payment.payer.kind), payment.payer.name, used[Resource::money],
                               used[Resource::requests], used[Resource::tokens])
                         .run());
    }
    for (auto const& [epoch, counts] : epochs_) {
        SLUICE_CHECK(statements_.epoch.bind(epoch, counts.calls, counts.settled, counts.answered).run());
    }
    return {};
}

void AppendBatch::committed() {
    for (auto const& id : settled_) open_.erase(id);
    for (auto& [id, call] : begun_) {
        if (open_.size() < most_remembered) open_[id] = std::move(call);
    }
}

}  // namespace sluice::store::sqlite
