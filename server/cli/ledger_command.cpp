#include "server/cli/ledger_command.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "server/cli/exit_code.hpp"
#include "server/cli/usage/moment.hpp"
#include "server/store/charges.hpp"

namespace sluice::cli {
namespace {

WallTime wall_time() { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

int complain(std::string const& message, int exit_code) {
    fmt::print(stderr, "sluice ledger: {}\n", message);
    return exit_code;
}

std::string text_of(Error const& error) { return error.message.empty() ? error.detail.str() : error.message.str(); }

std::optional<NanoUsd> read_amount(std::string_view text) {
    bool const negative = text.starts_with('-');
    auto const amount = read_usd(text.substr(negative ? 1 : 0));
    return amount && negative ? NanoUsd{-amount->count} : amount;
}

constexpr char const* moments = "a time is 7d, 12h, 2026-07-01 or 2026-07-01T12:00:00Z";

}  // namespace

int run_ledger_verify(StoreAddress const& address, bool json) {
    auto const opened = open_store(address, "ledger");
    if (!opened.store) return opened.exit_code;
    auto const faults = opened.store->verify();
    if (!faults) return complain(text_of(faults.error()), exit_failed);
    if (json) {
        auto list = nlohmann::json::array();
        for (auto const& fault : *faults) list.push_back(fault.what);
        nlohmann::ordered_json const out{{"ok", faults->empty()}, {"faults", list}};
        fmt::print("{}\n", out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    } else {
        for (auto const& fault : *faults) fmt::print("{}\n", fault.what);
        if (faults->empty()) fmt::print("ok: every sum is what its lines add up to\n");
    }
    return faults->empty() ? exit_ok : exit_failed;
}

int run_ledger_export(LedgerExportOptions const& options) {
    auto const since = options.since.empty() ? std::optional(WallTime{}) : read_moment(options.since, wall_time());
    auto const until = options.until.empty() ? std::optional(WallTime::max()) : read_moment(options.until, wall_time());
    if (!since || !until) return complain(moments, exit_usage);
    auto const opened = open_store(options.address, "ledger");
    if (!opened.store) return opened.exit_code;
    auto const done = opened.store->export_calls(*since, *until, [](std::string const& line) {
        return std::fputs(line.c_str(), stdout) >= 0 && std::fputc('\n', stdout) != EOF;
    });
    if (!done) return complain(text_of(done.error()), exit_failed);
    return std::fflush(stdout) == 0 ? exit_ok : exit_failed;
}

int run_ledger_adjust(LedgerAdjustOptions const& options) {
    auto const call = store::read_call_id(options.call);
    if (!call) return complain("a call is named EPOCH/NUMBER; `sluice ledger export` shows them as `id`", exit_usage);
    auto const amount = read_amount(options.usd);
    if (!amount) return complain("--usd takes an amount in US dollars, such as 0.25 or -0.25", exit_usage);
    auto const opened = open_store(options.address, "ledger");
    if (!opened.store) return opened.exit_code;
    auto const done = opened.store->adjust(*call, *amount, options.why, wall_time());
    if (!done) return complain(text_of(done.error()), exit_failed);
    auto const synced = opened.store->sync();
    return synced ? exit_ok : complain(text_of(synced.error()), exit_failed);
}

int run_ledger_forget(LedgerForgetOptions const& options) {
    auto const before = read_moment(options.before, wall_time());
    if (!before) return complain(moments, exit_usage);
    auto const opened = open_store(options.address, "ledger");
    if (!opened.store) return opened.exit_code;
    auto const calls = opened.store->forget(*before);
    if (!calls) return complain(text_of(calls.error()), exit_failed);
    fmt::print("{} calls forgotten; the sums stay\n", *calls);
    return exit_ok;
}

}  // namespace sluice::cli
