#include "core/pipeline/admission.hpp"

#include <algorithm>
#include <utility>

#include "core/pipeline/request.hpp"
#include "core/pipeline/snapshot.hpp"
#include "core/policy/expected_cost.hpp"

namespace sluice {
namespace {

/// Corrected when the usage is known.
std::int64_t expected_tokens(RequestFacts const& facts) {
    return facts.input_tokens + (facts.output_tokens > 0 ? facts.output_tokens : default_output_tokens);
}

}  // namespace

Amounts amounts_of(RequestFacts const& facts) {
    Amounts amounts;
    amounts[Resource::requests] = amounts[Resource::concurrent] = 1;
    amounts[Resource::tokens] = expected_tokens(facts);
    return amounts;
}

LimitAccounts accounts_of(Caller const& caller, LimitBook& book) {
    LimitAccounts accounts;
    auto const add = [&accounts, &book](PayerKind kind, std::string name) {
        if (auto account = book.find({kind, std::move(name)})) accounts.push_back(std::move(account));
    };
    add(PayerKind::key, caller.id.empty() ? caller.name : caller.id);
    if (!caller.team.empty()) add(PayerKind::team, caller.team);
    for (auto const& [name, value] : caller.tags) {
        auto tag = name;
        tag += '=';
        tag += value;
        add(PayerKind::tag, std::move(tag));
    }
    return accounts;
}

LimitAccounts beside_caller(LimitBook& book, ClientRequest const& request, ModelRuntime const& model) {
    auto accounts = model.accounts;
    if (!request.end_user.empty()) {
        if (auto user = book.find({PayerKind::user, request.end_user})) accounts.push_back(std::move(user));
    }
    return accounts;
}

LimitAccounts const& Admission::payers(ClientRequest const& request) const {
    return payers_.empty() ? request.caller.accounts : payers_;
}

std::expected<void, LimitRefusal> Admission::admit(LimitBook* book, ClientRequest const& request,
                                                   ModelRuntime const& model, WallTime now) {
    bool const is_free = request.caller.accounts.empty() && model.accounts.empty() && request.end_user.empty();
    if (book == nullptr || is_free) return {};
    if (request.permit != nullptr && !has_grown_) {
        Amounts tokens;
        tokens[Resource::tokens] = expected_tokens(request.chat.facts);
        if (auto grown = request.permit->grow(tokens, now); !grown) return grown;
        has_grown_ = true;
    }
    auto others = beside_caller(*book, request, model);
    if (others.empty()) return {};
    payers_ = request.caller.accounts;
    payers_.insert(payers_.end(), others.begin(), others.end());
    auto reserved = book->reserve(std::move(others), amounts_of(request.chat.facts), now);
    if (!reserved) return std::unexpected(std::move(reserved.error()));
    rest_ = std::move(*reserved);
    return {};
}

void Admission::settle(ClientRequest const& request, std::int64_t tokens, WallTime now) {
    Amounts used;
    used[Resource::requests] = 1;
    used[Resource::tokens] = tokens;
    if (request.permit != nullptr) request.permit->settle(used, now);
    rest_.settle(used, now);
}

}  // namespace sluice
