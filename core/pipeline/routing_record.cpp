#include "core/pipeline/routing_record.hpp"

#include <vector>

#include "core/policy/decision.hpp"

namespace sluice {

std::string record_of(RoutingView const& view, Routing const& routing, Plan const& plan) {
    thread_local std::vector<DecisionModel> models;  // kept for its room
    models.clear();
    for (auto const& routed : routing.models) {
        DecisionModel model{.first_candidate = routed.first_candidate, .candidate_count = routed.candidate_count};
        if (routed.candidate_count > 0) {
            auto const& first = routing.targets[routed.first_candidate];
            model.name = first.model->settings->name;
            model.star = first.star;
        }
        models.push_back(model);
    }
    return decision_json(
        {.config = view.snapshot.settings().hash, .models = models, .input = routing.input(), .plan = plan});
}

}  // namespace sluice
