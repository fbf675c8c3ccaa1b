#pragma once

#include <string_view>

#include "core/pipeline/limit_book.hpp"

namespace sluice {

struct Caller;
struct ClientRequest;
struct ModelRuntime;
struct RequestFacts;

/// What a request counts as until its usage is known: one, under way, and so many tokens.
Amounts amounts_of(RequestFacts const& facts);

/// The accounts that a caller's requests are counted in: its key's, its team's, its tags'.
LimitAccounts accounts_of(Caller const& caller, LimitBook& book);
/// Those of the request's model and of its end user.
LimitAccounts beside_caller(LimitBook& book, ClientRequest const& request, ModelRuntime const& model);

/// What one request as a whole counts as: one request, under way, and so many tokens. Its caller's part was admitted
/// before its body was read; that of its model and its end user follow here. Calls reserve money by themselves
/// (call_money.hpp).
class Admission {
public:
    /// May be tried again after a refusal.
    std::expected<void, LimitRefusal> admit(LimitBook* book, ClientRequest const& request, ModelRuntime const& model,
                                            WallTime now);

    /// Everybody who pays for the request whatever its target: the caller's accounts, and once they were asked the
    /// model's and the end user's.
    LimitAccounts const& payers(ClientRequest const& request) const;

    /// The request is over, and used so much.
    void settle(ClientRequest const& request, std::int64_t tokens, WallTime now);

private:
    LimitAccounts payers_{};  ///< empty: the caller's accounts alone
    bool has_grown_ = false;  ///< the caller's permit, by the tokens
    Permit rest_{};           ///< of the model's and the user's accounts
};

}  // namespace sluice
