#include "server/api/api.hpp"
#include "server/api/detached_request.hpp"
#include "server/api/idempotency.hpp"
#include "server/api/recorded_relay.hpp"

/// Api: requests with an Idempotency-Key.
namespace sluice::api {
namespace {

constexpr std::string_view chat_route = "/v1/chat/completions";
constexpr std::size_t piece_size = 1'048'576;  // takes 0.5 ms, or 1.4 ms without instructions for SHA-256

}  // namespace

/// What the request asks. Of a large body piece by piece, so that the worker's other requests have their turns.
Task<Result<Digest>> Api::digest_of_request(std::string_view body) {
    if (body.size() <= piece_size) co_return digest_of(chat_route, body);
    Digester digester;
    add_apart(digester, chat_route);
    while (body.size() > piece_size) {
        digester.add(body.substr(0, piece_size));
        body.remove_prefix(piece_size);
        co_await clock_.give_way();
    }
    digester.add(body);
    co_return digester.finish();
}

/// A request that has its place goes on without its client, who reads along like everybody that asks for it again.
Task<> Api::serve_once(Visit& visit, std::string_view body, Permit& permit) {
    auto& request = visit.request;
    auto const* const caller = &visit.caller;
    auto detached = std::make_unique<DetachedRequest>(visit.runtime.snapshot, visit.runtime.keyring, clock_);
    auto const asked = co_await digest_of_request(body);
    if (!asked) co_return co_await refuse(visit, asked.error());
    auto place = enter(visit, body, *asked, *detached);
    if (!place) co_return co_await refuse(visit, place.error());
    RecordedAnswer::Reader reader(place->answer, clock_.make_gate());
    if (reader.came_too_late()) co_return co_await refuse(visit, answer_not_kept());
    Rereading rereading{.request_id = request.request_id, .limits = {}};
    bool const leads = static_cast<bool>(place->lead);
    if (leads) {
        detached->own(request.head, std::move(permit), *std::move(place));
        lead(std::move(detached));
        request.reply.forget_request();
    } else {
        detached.reset();
        idempotency_.count_replay();
        rereading.limits = limit_headers(visit);
    }
    auto const end = co_await pass_on(reader, request.reply, rereading, request.cancellation);
    if (!leads) record(request, chat_route, caller, end.error ? &*end.error : nullptr, end.sent, end.status);
}

/// What is refused before it has a place leaves no trace, and may come again.
Result<IdempotencyPlace> Api::enter(Visit const& visit, std::string_view body, Digest const& asked,
                                    DetachedRequest& detached) {
    SLUICE_TRY(auto const key, idempotency_key(visit.request.head));
    SLUICE_TRY(detached.chat, read_chat(visit, body));
    SLUICE_TRY(auto request, client_request(visit, detached.chat, body.size()));
    detached.request.emplace(std::move(request));
    auto const& caller = visit.caller;
    SLUICE_TRY(auto const name, digest_of(caller.id.empty() ? caller.name : caller.id, key));
    auto const most = visit.runtime.snapshot->settings().server.limits.max_connections;
    return idempotency_.enter(name, asked, most, clock_.now());
}

void Api::lead(std::unique_ptr<DetachedRequest> detached) {
    auto answer = detached->answer;
    spawn(run(std::move(detached)), [answer = std::move(answer)](std::exception_ptr bug) {
        answer->end(Ending::abandoned, std::move(bug));  // readers throw it on
    });
}

Task<> Api::run(std::unique_ptr<DetachedRequest> detached) {
    auto& call = *detached;
    LiveRequests::Entry const entry(live_, *call.request, call.cancellation);
    if (call.chat.stream) metrics_.stream_opened();
    co_await pipeline_.handle(*call.request, call.snapshot, *call.sink, call.cancellation);
    if (call.chat.stream) metrics_.stream_closed();
}

}  // namespace sluice::api
