#pragma once

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "config/rule_reader.hpp"
#include "core/types/splice.hpp"
#include "providers/parameters/rewrite.hpp"
#include "server/api/chat_request_reader.hpp"

namespace sluice::parameters {

inline std::vector<ParameterRule> rules_of(std::string const& yaml, config::RuleSets const& sets = {}) {
    std::vector<config::Problem> problems;
    auto const node = config::parse_yaml(yaml, "rules", problems);
    REQUIRE(node);
    auto rules = config::read_rules(*node, sets, problems);
    for (auto const& problem : problems) FAIL(config::to_text(problem, config::Colour::none));
    return rules;
}

/// What rules made of a body.
struct Outcome {
    std::string body;
    std::vector<std::string> adjusted;  ///< "temperature clamped minor"
    std::vector<std::string> refused;   ///< fields
};

inline constexpr char const* hello = R"("messages":[{"role":"user","content":"hi"}])";

inline std::string with_hello(std::string const& members) { return R"({"model":"m",)" + members + "," + hello + "}"; }

inline Outcome rewritten(std::string const& yaml, std::string const& body, std::string_view model = "m",
                         UnsupportedPolicy policy = UnsupportedPolicy::drop) {
    CAPTURE(yaml, body);
    ParameterRules const rules = rules_of(yaml);
    auto const request = read_chat_request(body, {});
    REQUIRE(request);
    BodyDraft draft(*request);
    auto const made = rewrite(*request, rules, model, policy, draft);
    auto const edits = draft.edits();
    Outcome outcome;
    for (auto const piece : spliced(body, edits)) outcome.body += piece;
    INFO(outcome.body);
    REQUIRE(nlohmann::json::accept(outcome.body));
    for (auto const& each : made.adjustments) {
        outcome.adjusted.push_back(std::string(each.field) + " " + std::string(to_string(each.kind)) + " " +
                                   std::string(to_string(each.severity)));
    }
    for (auto const* rule : made.refused) outcome.refused.push_back(rule->field);
    auto const refused = refused_by(*request, rules, model, policy);
    CHECK(refused.size() == made.refused.size());
    return outcome;
}

}  // namespace sluice::parameters
