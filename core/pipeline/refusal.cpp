#include "core/pipeline/refusal.hpp"

#include <algorithm>
#include <string>

namespace sluice {
namespace {

std::vector<ParameterRule const*> refused_by(RequestRun const& run, RoutedTarget const& routed) {
    return refused_by({.snapshot = run.snapshot, .request = run.request, .dialects = run.parts.dialects}, routed,
                      run.unsupported);
}

/// "openai/gpt-5 (model 'smart'), ...": of all models that the caller may use, the first few.
std::string targets_that_take_it(RequestRun const& run) {
    constexpr unsigned most = 8;
    std::string names;
    unsigned count = 0;
    for (auto const& model : run.snapshot.models()) {
        auto const& name = model.settings->name;
        bool const is_concrete = name.find('*') == std::string::npos;
        if (&model == run.model || !is_concrete || !allows_model(run.request.caller.models, name)) continue;
        for (auto const& target : model.targets) {
            if (count == most || !refused_by(run, {&target, &model, {}}).empty()) continue;
            names += (count++ == 0 ? "" : ", ") + target.name + " (model '" + name + "')";
        }
    }
    return names;
}

Error unsupported(RequestRun const& run) {
    Error error{.kind = ErrorKind::unsupported_parameter};
    std::string reasons;
    std::vector<ParameterRule const*> named;
    for (auto const& routed : run.routing.targets) {
        for (auto const* const rule : refused_by(run, routed)) {
            bool const is_new =
                std::ranges::none_of(named, [rule](ParameterRule const* other) { return other->field == rule->field; });
            if (!is_new) continue;
            named.push_back(rule);
            if (error.param.empty()) error.param = rule->field;
            reasons += (reasons.empty() ? "'" : "; '") + rule->field + "'";
            if (!rule->why.empty()) reasons += " (" + rule->why + ")";
        }
    }
    std::string const others = targets_that_take_it(run);
    error.message =
        "no target of '" + shown(run.request.chat.requested_model) + "' takes the request as it is: " + reasons +
        (others.empty() ? "; no other target that this key may use does either" : "; these would: " + others);
    return error;
}

}  // namespace

Error nothing_to_try(RequestRun const& run, Plan const& plan) {
    auto error = nothing_planned(run.routing.candidates, plan, &run.request.chat.facts);
    return error.kind == ErrorKind::unsupported_parameter ? unsupported(run) : error;
}

}  // namespace sluice
