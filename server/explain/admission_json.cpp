#include "server/explain/admission_json.hpp"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "core/pipeline/admission.hpp"
#include "core/pipeline/answer_headers.hpp"
#include "core/pipeline/call_money.hpp"
#include "core/pipeline/limit_error.hpp"
#include "core/policy/expected_cost.hpp"
#include "server/explain/limit_json.hpp"

namespace sluice::explain {
namespace {

using Json = nlohmann::ordered_json;

std::string key_name(Settings const& settings, std::string const& id) {
    std::string name;
    for (auto const& key : settings.keys)
        if (key.caller.id == id) name = key.caller.name;
    return name;
}

Json error_json(Error const& error) {
    Json json{{"code", code_of(error)}, {"message", error.message.str()}};
    if (error.retry_after) json["retry_after_ms"] = error.retry_after->count();
    return json;
}

/// Where a lease is short nobody knows before the store is asked that replicas share.
void add_refusal(Json& json, Error const& error, bool lease_short) {
    if (lease_short) {
        json["needs_lease"] = true;
    } else {
        json["admitted"] = false;
        json["error"] = error_json(error);
    }
}

class Admissions {
public:
    Admissions(LimitBook& book, RoutingView const& view, Routing const& routing)
        : book_(book),
          view_(view),
          routing_(routing),
          now_(std::chrono::floor<milliseconds>(view.request.started_at)),
          payers_(view.request.caller.accounts) {
        auto const others = beside_caller(book, view.request, *routing.model);
        payers_.insert(payers_.end(), others.begin(), others.end());
    }

    /// What is about the request whatever its target.
    Json whole() const {
        auto const amounts = amounts_of(view_.request.chat.facts);
        Json json{{"requests", amounts[Resource::requests]}, {"tokens", amounts[Resource::tokens]}};
        auto const said = book_.would_reserve(payers_, amounts, now_);
        if (!said) {
            add_refusal(json, limit_error(said.error()), said.error().lease_short);
        } else {
            json["admitted"] = true;
        }
        return json;
    }

    /// What is about the call to one target.
    Json call(std::size_t candidate) const {
        auto const& routed = routing_.targets[candidate];
        auto const& target = *routed.target;
        auto const& request = view_.request;
        auto const model = fill_star(target.model, routed.star);
        CallMoney::Call const call{.target = target,
                                   .target_model = model,
                                   .chat = request.chat,
                                   .usual_output = usual_output({&routing_.candidates[candidate], 1}),
                                   .is_own_key = request.own_key_for(target.provider->settings->name) != nullptr};
        auto quote =
            CallMoney::quote(view_.snapshot, call, request.unsupported.value_or(routing_.model->settings->unsupported));
        Json json = Json::object();
        auto const place = book_.would_reserve(target.accounts, quote.place(), now_);
        if (!place) {
            add_refusal(json, limit_error(place.error()), place.error().lease_short);
        } else if (auto const money = take_money(quote, call); !money) {
            add_refusal(json, money.error().error, money.error().lease_short);
        } else {
            json["admitted"] = true;
        }
        add_quote(json, quote, view_.snapshot.price_of(target, model) != nullptr);
        return json;
    }

    Json limits(Plan const& plan) const {
        auto accounts = payers_;
        for (auto const& planned : plan.order) {
            auto const& own = routing_.targets[planned.target].target->accounts;
            accounts.insert(accounts.end(), own.begin(), own.end());
        }
        Json list = Json::array();
        for (auto const& status : book_.statuses(std::move(accounts), now_)) {
            auto json = json_of(status, key_name(view_.snapshot.settings(), status.payer.name));
            json["room"] = std::max<std::int64_t>(status.limit.most - status.settled - status.reserved, 0);
            json["text"] = to_text(status.limit);
            list.push_back(std::move(json));
        }
        return list;
    }

private:
    std::expected<void, CallQuote::Refusal> take_money(CallQuote& quote, CallMoney::Call const& call) const {
        if (call.is_own_key) return {};
        auto payers = payers_;
        payers.insert(payers.end(), call.target.accounts.begin(), call.target.accounts.end());
        return quote.take_money(book_, payers, [this, &payers](Amounts const& amounts) {
            return book_.would_reserve(payers, amounts, now_);
        });
    }

    static void add_quote(Json& json, CallQuote const& quote, bool is_priced) {
        json["input_tokens"] = quote.most().input_tokens;
        json["output_tokens"] = quote.most().output_tokens;
        if (is_priced) {
            json["cost_usd"] = to_usd(quote.amount());
            json["cost_nano_usd"] = quote.amount().count;
        }
        if (quote.max_output()) json["bounded_to"] = *quote.max_output();
        if (quote.is_metered()) json["metered"] = true;
    }

    LimitBook& book_;
    RoutingView const& view_;
    Routing const& routing_;
    WallTime now_;
    LimitAccounts payers_;
};

}  // namespace

void add_limits(Json& json, LimitBook& book, RoutingView const& view, Routing const& routing, Plan const& plan) {
    Admissions const admissions(book, view, routing);
    json["limits"] = admissions.limits(plan);
    auto whole = admissions.whole();
    bool somebody = false;
    bool unknown = false;
    for (std::size_t place = 0; place < plan.order.size(); ++place) {
        auto call = admissions.call(plan.order[place].target);
        somebody = somebody || call.value("admitted", false);
        unknown = unknown || call.contains("needs_lease");
        json["order"][place]["at_most"] = std::move(call);
    }
    bool const none_takes_it = whole.value("admitted", false) && !somebody && !plan.order.empty();
    if (none_takes_it) whole.erase("admitted");
    if (none_takes_it && unknown) whole["needs_lease"] = true;
    if (none_takes_it && !unknown) {
        whole["admitted"] = false;
        whole["error"] = json["order"].back()["at_most"]["error"];
    }
    json["admission"] = std::move(whole);
}

}  // namespace sluice::explain
