#include "server/api/detached_request.hpp"

#include <algorithm>
#include <utility>

#include "server/http/characters.hpp"

namespace sluice::api {
namespace {

constexpr std::size_t readable_behind = 64;  ///< parsers read ahead

bool may_have_cost(Attempt const& attempt) {
    return attempt.uncertain || attempt.first_token || attempt.usage.source != UsageSource::none;
}

}  // namespace

void DetachedRequest::own(http::RequestHead const& head, Permit permit, IdempotencyPlace place) {
    id_ = request->request_id;
    request->request_id = id_;
    body_.reserve(chat.body.size() + readable_behind);
    body_ = chat.body;
    chat.body = body_;
    for (auto const& field : head.fields) {
        std::string name(field.name);
        std::ranges::transform(name, name.begin(), http::lower);
        fields_.add(name, field.value);
    }
    request->header = [this](std::string_view name) { return find(fields_, name); };
    request->client_timeout.reset();  // it goes on for whoever asks again
    permit_ = std::move(permit);
    request->permit = &permit_;
    request->also = this;
    lead_ = std::move(place.lead);
    answer = std::move(place.answer);
    sink.emplace(answer, clock_, cancellation, [this] { std::string().swap(body_); });
}

void DetachedRequest::record(Outcome const& outcome) {
    bool const answered = !outcome.error && outcome.status >= 200 && outcome.status <= 299;
    if (answered || std::ranges::any_of(outcome.attempts, may_have_cost)) lead_.keep(clock_.now());
}

}  // namespace sluice::api
