#pragma once

#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "server/store/open_store.hpp"
#include "server/store/postgres.hpp"

/// Calls to write down, and a place for the file.
namespace sluice::store::testing {

/// A folder that goes with the test. Where servers are there to be tested (tests/servers_and_test.sh), its database is
/// in PostgreSQL, in a schema that is called like the folder.
struct TemporaryFolder {
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "sluice-store-XXXXXX").string();
        if (::mkdtemp(name.data()) != nullptr) path = name;
        if (server() != nullptr) run_in_server("CREATE SCHEMA " + schema());
    }
    TemporaryFolder(TemporaryFolder const&) = delete;
    TemporaryFolder& operator=(TemporaryFolder const&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    std::string file(std::string const& name = "ledger.db") const { return (path / name).string(); }
    std::string url() const {
        if (server() == nullptr) return "sqlite://" + file();
        return std::string(server()) + "?options=-csearch_path%3D" + schema();
    }

    static char const* server() { return std::getenv("SLUICE_TEST_POSTGRES"); }
    std::string schema() const { return "\"" + path.filename().string() + "\""; }
    void run_in_server(std::string const& sql) const {
        auto const database = Postgres::make(Secret(url())).value();
        auto const done = database->run({.sql = sql.c_str()});
        if (!done) FAIL(done.error().detail.str());
    }

    std::filesystem::path path;
};

inline std::unique_ptr<Store> opened(TemporaryFolder const& folder, OpenedBy opener = OpenedBy::gateway) {
    auto store = open_store(folder.url(), opener);
    if (!store) FAIL(store.error().detail.str());
    return std::move(*store);
}

/// Noon of 2026-07-01, and later.
inline WallTime noon(std::chrono::milliseconds later = {}) {
    using namespace std::chrono;
    return WallTime(sys_days(2026y / July / 1) + 12h) + later;
}

inline Reserve reserve(CallId id, WallTime at = noon(), NanoUsd amount = {5'000}) {
    ReservedCall call{.at = at,
                      .request_id = "req-" + std::to_string(id.number),
                      .attempt = 1,
                      .key = "k_search",
                      .team = "search",
                      .tags = {{"env", "prod"}, {"app", "web"}},
                      .user = "",
                      .model = "fast",
                      .provider = "groq",
                      .target_model = "llama-3.3-70b",
                      .credential = "main",
                      .amount = amount};
    return {.id = id, .call = std::move(call)};
}

inline Settle settle(CallId id, WallTime at = noon(), NanoUsd cost = {3'000}) {
    Usage const usage{.input = 100, .output = 20, .source = UsageSource::provider, .reported_cost = {}};
    return {.id = id,
            .end = {.at = at,
                    .cost = cost,
                    .sheet_cost = cost,
                    .usage = usage,
                    .result = AttemptResult::ok,
                    .upstream_status = 200}};
}

inline std::vector<std::string> faults(LedgerStore& store) {
    auto found = store.verify();
    if (!found) return {"verify failed: " + found.error().detail.str()};
    std::vector<std::string> texts;
    for (auto const& fault : *found) texts.push_back(fault.what);
    return texts;
}

/// The sum of all hours.
inline Amounts total(LedgerStore& store, Payer const& payer) {
    Amounts total;
    for (auto const& sum : store.sums(WallTime{}).value()) {
        if (sum.payer != payer) continue;
        for (std::size_t i = 0; i < total.of.size(); ++i) total.of[i] += sum.used.of[i];
    }
    return total;
}

inline Amounts amounts(std::int64_t money, std::int64_t requests, std::int64_t tokens) {
    return {.of = {money, requests, tokens, 0}};
}

inline Payer const search_key{.kind = PayerKind::key, .name = "k_search"};

}  // namespace sluice::store::testing
