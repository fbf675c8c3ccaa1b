#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/store/charges.hpp"
#include "server/store/ledger_store.hpp"
#include "server/store/sqlite.hpp"

namespace sluice::store::sqlite {

struct CallHash {
    std::size_t operator()(CallId const& id) const {
        auto const mixed = static_cast<std::uint64_t>(id.number) * 0x5851F42D4C957F2DU;
        return static_cast<std::size_t>(static_cast<std::uint64_t>(id.epoch) ^ mixed);
    }
};

/// What settling a call needs of its other lines.
struct OpenCall {
    std::vector<Payer> payers{};
    NanoUsd reserved{};
    unsigned attempt = 1;
};

/// Calls that are not settled yet, remembered so that their lines need not be read again. May lack some.
using OpenCalls = std::unordered_map<CallId, OpenCall, CallHash>;

/// What adds lines. Prepared once for a connection.
struct AppendStatements {
    static Result<AppendStatements> prepare(Database& database);

    Statement call;
    Statement raise;
    Statement settlement;
    Statement adjustment;
    Statement opened;
    Statement closed;
    Statement sum;
    Statement epoch;
    Statement find_call;
    Statement find_recovered;
};

enum class Recovered : std::uint8_t { no, yes };

/// The lines of one transaction, and what they change in the sums: gathered, so that each sum is written once. Use it
/// within a transaction: add..., finish(), commit, committed().
class AppendBatch {
public:
    AppendBatch(Database& database, AppendStatements& statements, OpenCalls& open)
        : database_(database), statements_(statements), open_(open) {}

    Result<> add(LedgerEvent const& event);
    Result<> add(Reserve const& event);
    Result<> add(Raise const& event);
    Result<> add(Settle const& event, Recovered recovered = Recovered::no);
    /// Errors: invalid_value where there is no such settled call.
    Result<> adjust(CallId id, NanoUsd amount, std::string const& why, WallTime now);
    Result<> finish();
    void committed();

    /// What the lines of `id` say, wherever they are; without payers: there are none. Holds until the next call.
    Result<OpenCall const*> call(CallId id);

private:
    struct Payment {
        std::int64_t hour = 0;
        Payer payer{};
        friend auto operator<=>(Payment const&, Payment const&) = default;
    };
    struct PaymentHash {
        std::size_t operator()(Payment const& payment) const {
            return std::hash<std::string>()(payment.payer.name) ^ static_cast<std::size_t>(payment.payer.kind);
        }
    };

    void charge(std::vector<Payer> const& payers, WallTime at, Amounts const& used);
    Result<> correct_recovered(Settle const& event);
    Result<> insert_settlement(Settle const& event, NanoUsd reserved, Recovered recovered);

    Database& database_;
    AppendStatements& statements_;
    OpenCalls& open_;
    OpenCall read_{};
    OpenCalls begun_{};              ///< by this batch, and not settled by it
    std::vector<CallId> settled_{};  ///< begun before this batch
    std::unordered_map<Payment, Amounts, PaymentHash> sums_{};
    std::map<std::int64_t, EpochCounts> epochs_{};
};

}  // namespace sluice::store::sqlite
