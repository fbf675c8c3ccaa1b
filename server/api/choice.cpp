#include "server/api/choice.hpp"

#include <algorithm>

#include "server/api/own_keys.hpp"
#include "server/api/session_id.hpp"
#include "server/api/steering.hpp"

namespace sluice::api {
namespace {

/// The end of `name` that steers: `:nitro`, `:floor` or `:free`, unless a model has that very name, or one with a star
/// passes it on to a router, or nobody serves the name without it.
std::string_view steering_suffix(std::string_view name, Snapshot const& snapshot) {
    auto const suffix = suffix_of(name);
    if (suffix.empty()) return {};
    auto const is_router = [](TargetRuntime const& target) { return target.provider->settings->is_router; };
    if (auto const match = snapshot.find_model(name)) {
        bool const has_that_name = match->model->settings->name == name;
        if (has_that_name || std::ranges::any_of(match->model->targets, is_router)) return {};
    }
    auto const base = name.substr(0, name.size() - suffix.size());
    return snapshot.find_model(base) ? suffix : std::string_view();
}

Result<std::vector<OwnKey>> own_keys(std::string_view header, Caller const& caller, Settings const& settings) {
    bool const allowed =
        settings.server.auth == AuthMode::none ? settings.anybody_may_bring_keys : caller.may_bring_keys;
    if (!allowed) {
        return std::unexpected(Error{.kind = ErrorKind::permission_denied,
                                     .message = "this key may not bring keys of its own (x-provider-auth)",
                                     .param = "x-provider-auth"});
    }
    SLUICE_TRY(auto keys, read_own_keys(header));
    for (auto const& key : keys) {
        if (settings.providers.contains(key.provider)) continue;
        return std::unexpected(Error{
            .kind = ErrorKind::invalid_value,
            .message = "the header 'x-provider-auth' names '" + shown(key.provider) + "', which is no provider here",
            .param = "x-provider-auth"});
    }
    return keys;
}

}  // namespace

Result<Choice> read_choice(ChatRequest& chat, ChoiceHeaders const& headers, Caller const& caller,
                           Snapshot const& snapshot) {
    Choice choice;
    chat.model_suffix = steering_suffix(chat.requested_model, snapshot);
    if (auto const size = chat.model_suffix.size(); size > 0) {
        choice.model = chat.requested_model.substr(0, chat.requested_model.size() - size);
    }
    if (says_something(chat, headers)) {
        SLUICE_TRY(auto steering, read_steering(chat, headers));
        if (!caller.may_steer) {
            auto bounds = bounds_of(steering);
            chat.steering_ignored = bounds != steering;
            steering = std::move(bounds);
        }
        if (!steering.empty()) choice.steering = std::make_shared<Steering const>(std::move(steering));
    }
    auto names = read_session(chat, headers);
    choice.session = std::move(names.session);
    choice.user = std::move(names.user);
    if (auto const header = headers[ChoiceHeader::provider_auth]; !header.empty()) {
        SLUICE_TRY(choice.own_keys, own_keys(header, caller, snapshot.settings()));
    }
    return choice;
}

}  // namespace sluice::api
