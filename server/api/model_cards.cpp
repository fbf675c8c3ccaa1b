#include "server/api/model_cards.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include "config/known_model.hpp"
#include "config/text.hpp"
#include "core/types/error.hpp"

namespace sluice::api {
namespace {

using Capability = std::optional<bool> config::ModelFacts::*;
constexpr std::array<std::pair<std::string_view, Capability>, 5> capabilities{{
    {"tools", &config::ModelFacts::tools},
    {"streaming_tools", &config::ModelFacts::stream_tools},
    {"vision", &config::ModelFacts::vision},
    {"json_schema", &config::ModelFacts::json_schema},
    {"reasoning", &config::ModelFacts::reasoning},
}};

std::vector<config::ModelFacts> facts_of_targets(Snapshot::Match const& match) {
    std::vector<config::ModelFacts> facts;
    for (TargetRuntime const& target : match.model->targets) {
        auto const upstream = config::fill_star(target.model, match.star);
        facts.push_back(config::known_model(target.provider->settings->type, upstream).facts);
    }
    return facts;
}

/// The smallest that is known; 0: none is.
std::uint64_t smallest(std::vector<config::ModelFacts> const& facts, std::uint64_t config::ModelFacts::* member) {
    std::uint64_t least = 0;
    for (config::ModelFacts const& each : facts) {
        if (each.*member > 0 && (least == 0 || each.*member < least)) least = each.*member;
    }
    return least;
}

std::optional<bool> of_all(std::vector<config::ModelFacts> const& facts, Capability member) {
    bool const is_known =
        !facts.empty() && std::ranges::all_of(facts, [member](auto const& each) { return (each.*member).has_value(); });
    bool const is_lacking = std::ranges::any_of(facts, [member](auto const& each) { return each.*member == false; });
    if (is_lacking) return false;
    return is_known ? std::optional(true) : std::nullopt;
}

std::string capabilities_of(std::vector<config::ModelFacts> const& facts) {
    std::string out;
    for (auto const& [name, member] : capabilities) {
        auto const has = of_all(facts, member);
        if (has) out += fmt::format(R"({}"{}":{})", out.empty() ? "" : ",", name, *has);
    }
    return out;
}

std::string pricing_of(PriceSheet const& prices) {
    auto out = fmt::format(R"("prompt":"{}","completion":"{}")", per_token(prices.input), per_token(prices.output));
    if (prices.cached_input) out += fmt::format(R"(,"input_cache_read":"{}")", per_token(*prices.cached_input));
    if (prices.cache_write) out += fmt::format(R"(,"input_cache_write":"{}")", per_token(*prices.cache_write));
    return out;
}

}  // namespace

std::string per_token(PricePerMillion price) {
    constexpr std::size_t digits = 15;  // nano-dollars per million tokens are 1e-15 dollars per token
    std::string text = std::to_string(price.value.count);
    if (text.size() <= digits) text.insert(0, digits + 1 - text.size(), '0');
    text.insert(text.size() - digits, ".");
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text;
}

std::string model_card(Snapshot const& snapshot, std::string_view name, Snapshot::Match const& match,
                       std::chrono::sys_seconds loaded_at) {
    auto const& targets = match.model->targets;
    auto const owner = targets.empty() ? "sluice" : std::string_view(targets.front().provider->settings->name);
    auto out = fmt::format(R"({{"id":{},"object":"model","created":{},"owned_by":{})", json_quoted(name),
                           loaded_at.time_since_epoch().count(), json_quoted(owner));
    auto const facts = facts_of_targets(match);
    if (auto const context = smallest(facts, &config::ModelFacts::context); context > 0)
        out += fmt::format(R"(,"context_length":{})", context);
    if (auto const most = smallest(facts, &config::ModelFacts::max_output); most > 0)
        out += fmt::format(R"(,"max_output_tokens":{})", most);
    if (!targets.empty()) {
        auto const& first = targets.front();
        if (auto const* const prices = snapshot.price_of(first, config::fill_star(first.model, match.star)))
            out += fmt::format(R"(,"pricing":{{{}}})", pricing_of(*prices));
    }
    if (auto const list = capabilities_of(facts); !list.empty()) out += fmt::format(R"(,"capabilities":{{{}}})", list);
    return out + "}";
}

ModelCards ModelCards::of(Snapshot const& snapshot, std::chrono::sys_seconds loaded_at) {
    ModelCards made;
    std::unordered_set<std::string_view> seen;
    auto const add = [&made, &seen, &snapshot, loaded_at](std::string const& name) {
        if (!seen.insert(name).second) return;
        if (auto const match = snapshot.find_model(name))
            made.cards_.push_back({.name = name, .json = model_card(snapshot, name, *match, loaded_at)});
    };
    for (auto const& model : snapshot.models()) {
        if (model.settings->name.find('*') == std::string::npos) add(model.settings->name);
        for (auto const& name : model.settings->listed) add(name);
    }
    return made;
}

}  // namespace sluice::api
