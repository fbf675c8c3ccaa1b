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

LimitAccounts const& Admission::payers(ClientRequest const& request) const {
    return payers_.empty() ? request.caller.accounts : payers_;
}

std::expected<void, LimitRefusal> Admission::admit(LimitBook* book, ClientRequest const& request,
                                                   ModelRuntime const& model, WallTime now) {
    bool const is_free = request.caller.accounts.empty() && model.accounts.empty() && request.end_user.empty();
    if (book == nullptr || is_free) return {};
    Amounts whole;
    whole[Resource::tokens] = expected_tokens(request.chat.facts);
    if (request.permit != nullptr && !has_grown_) {
        if (auto grown = request.permit->grow(whole, now); !grown) return grown;
        has_grown_ = true;
    }
    auto others = model.accounts;
    if (!request.end_user.empty()) {
        if (auto user = book->find({PayerKind::user, request.end_user})) others.push_back(std::move(user));
    }
    if (others.empty()) return {};
    payers_ = request.caller.accounts;
    payers_.insert(payers_.end(), others.begin(), others.end());
    whole[Resource::requests] = whole[Resource::concurrent] = 1;
    auto reserved = book->reserve(std::move(others), whole, now);
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
