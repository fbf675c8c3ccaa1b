#pragma once

#include <cstdint>
#include <expected>
#include <optional>

#include "core/pipeline/limit_book.hpp"
#include "core/policy/worst_case.hpp"
#include "core/types/chat_request.hpp"
#include "core/types/error.hpp"
#include "core/types/parameter_rule.hpp"

namespace sluice {

/// What one call to one target counts as before it is made: what CallMoney reserves, and what `explain` says that it
/// would.
class CallQuote {
public:
    struct Call {
        ChatRequest const& chat;  ///< outlives the quote
        TargetTraits const& traits;
        PriceSheet const* price = nullptr;  ///< null: unknown, or none of our money; outlives the quote
        std::int64_t usual_output = 0;      ///< tokens, of one answer; 0: not known
        UnsupportedPolicy unsupported = UnsupportedPolicy::drop;
    };
    explicit CallQuote(Call const& call);

    WorstCase const& most() const { return most_; }
    NanoUsd amount() const { return amount_; }
    /// What the target may be asked for at most, for each choice, where less is affordable than the client would take.
    std::optional<std::int64_t> max_output() const { return max_output_; }
    /// It may become longer than `most`: then raise().
    bool is_metered() const { return is_metered_; }

    /// In the limits that the target and its provider have: one request under way.
    Amounts place() const;

    struct Refusal {
        Error error;
        bool lease_short = false;
    };
    /// The money of the call from `payers`, by `take`, which is given Amounts and returns what LimitBook::reserve()
    /// does. Where all is too much: less, if the output can be bounded to it. Errors: those of limits, unpriced_model.
    template <class Take>
    std::expected<void, Refusal> take_money(LimitBook& book, LimitAccounts const& payers, Take take) {
        if (!LimitBook::has_limit(payers, Resource::money)) return {};
        if (call_.price == nullptr) return book.takes_unpriced(payers) ? std::expected<void, Refusal>() : unpriced();
        begin_metered();
        auto taken = take(money());
        for (unsigned tries = 0; !taken && tries < 3 && bound_output(taken.error()); ++tries) taken = take(money());
        if (!taken) return refused(taken.error());
        return {};
    }

    /// What an output of so many tokens would cost at most, all choices together; the price is known.
    NanoUsd cost_with(std::int64_t output_tokens) const;
    /// The output may be so long now.
    void raise(std::int64_t output_tokens);

private:
    Amounts money() const;
    void begin_metered();
    bool bound_output(LimitRefusal const& refusal);
    std::unexpected<Refusal> unpriced() const;
    static std::unexpected<Refusal> refused(LimitRefusal const& refusal);

    Call call_;
    std::int64_t choices_;
    WorstCase most_;
    NanoUsd amount_{};
    std::optional<std::int64_t> max_output_{};
    bool is_metered_ = false;
};

}  // namespace sluice
