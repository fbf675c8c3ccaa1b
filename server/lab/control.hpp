#pragma once
#include <optional>
#include <string_view>

#include "server/lab/answer.hpp"
#include "server/lab/listener_faults.hpp"
#include "server/lab/provider_files.hpp"
#include "server/lab/request.hpp"
#include "server/lab/scenarios.hpp"
#include "server/lab/stats.hpp"

namespace sluice::lab {

/// What all connections of a lab share.
struct Shared {
    std::unique_ptr<Scenarios> scenarios;
    Stats stats;
    ListenerFaults listener;
    Providers providers;
    std::uint64_t seed = 1;
};

/// Where a request wants to go.
struct Route {
    enum class To : std::uint8_t { chat, models, model, control, home, nowhere };
    To to = To::nowhere;
    std::string_view scenario;  ///< from /with/<name>/
    std::string_view rest;      ///< the model id, or what follows /lab/
    std::string_view provider;  ///< from /providers/<name>/
    std::string_view path;      ///< what follows that, from its slash on, with the query
};

Route route_of(std::string_view target);

/// Everything but chat: the model list, /lab/*, the front page, 404.
Answer answer_control(Route const& route, Request const& request, Shared& shared, Context const& context);

}  // namespace sluice::lab
