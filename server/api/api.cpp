#include "server/api/api.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/pipeline/reply.hpp"
#include "server/api/chat_request_reader.hpp"
#include "server/api/choice.hpp"
#include "server/api/cors.hpp"
#include "server/api/idempotency.hpp"
#include "server/api/request_member.hpp"
#include "server/http/body_reader.hpp"

namespace sluice::api {
namespace {

constexpr std::string_view other_route = "other";
constexpr std::string_view chat_route = "/v1/chat/completions";

/// The path without what SDKs and their users put in front of it: "/openai/v1/models", "/v1/models" and "/models" are
/// one route.
std::string_view without_prefix(std::string_view path) {
    if (path.starts_with("/openai/v1/")) return path.substr(10);
    if (path.starts_with("/v1/")) return path.substr(3);
    return path;
}

/// The header in which the SDKs say how long they wait; seconds.
std::optional<milliseconds> client_timeout(http::RequestHead const& head) {
    std::optional<milliseconds> shortest;
    for (std::string_view const name : {"x-stainless-timeout", "x-stainless-read-timeout", "x-sluice-timeout"}) {
        auto const text = head.find(name);
        if (text.empty()) continue;
        double value = 0;
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size() || !(value > 0) || value > 86'400) continue;
        auto const wait = milliseconds(static_cast<std::int64_t>(value * 1000));
        if (!shortest || wait < *shortest) shortest = wait;
    }
    return shortest;
}

/// The SDK's language, from a fixed list: it becomes a label.
std::string_view known_sdk(std::string_view language) {
    for (std::string_view const known : {"python", "js", "go", "java", "ruby", "csharp", "kotlin", "php"}) {
        if (http::equals_ignoring_case(language, known)) return known;
    }
    return {};
}

bool is_json(std::string_view content_type) {
    auto const type = content_type.substr(0, content_type.find(';'));
    auto const end = type.find_last_not_of(' ');
    return content_type.empty() || http::equals_ignoring_case(type.substr(0, end + 1), "application/json");
}

/// What the client wants done with fields that a target does not take.
Result<std::optional<UnsupportedPolicy>> unsupported_policy(http::RequestHead const& head) {
    std::optional<UnsupportedPolicy> policy;
    auto const wrong = [](std::string_view name, std::string_view known) {
        return std::unexpected(Error{.kind = ErrorKind::invalid_value,
                                     .message = "the header '" + std::string(name) + "' must be " + std::string(known),
                                     .param = std::string(name)});
    };
    if (auto const word = head.find("x-sluice-unsupported"); word == "drop") {
        policy = UnsupportedPolicy::drop;
    } else if (word == "pass") {
        policy = UnsupportedPolicy::pass;
    } else if (word == "reject") {
        policy = UnsupportedPolicy::reject;
    } else if (!word.empty()) {
        return wrong("x-sluice-unsupported", "drop, pass or reject");
    }
    auto const strict = head.find("x-sluice-strict");
    if (strict == "true") return UnsupportedPolicy::reject;
    if (!strict.empty() && strict != "false") return wrong("x-sluice-strict", "true or false");
    return policy;
}

/// x-sluice-include is a list of words.
bool includes(http::RequestHead const& head, std::string_view wanted) {
    auto words = head.find("x-sluice-include");
    while (!words.empty()) {
        auto const word = words.substr(0, words.find(','));
        auto const begin = word.find_first_not_of(' ');
        auto const end = word.find_last_not_of(' ');
        if (begin != std::string_view::npos && word.substr(begin, end - begin + 1) == wanted) return true;
        words.remove_prefix(std::min(words.size(), word.size() + 1));
    }
    return false;
}

/// The fields of the client that some provider takes.
Headers forwardable(http::RequestHead const& head, Snapshot const& snapshot) {
    Headers fields;
    for (auto const& name : snapshot.forwarded_headers()) {
        if (auto const value = head.find(name); !value.empty()) fields.add(name, value);
    }
    return fields;
}

ChoiceHeaders choice_headers(http::RequestHead const& head) {
    ChoiceHeaders headers;
    for (auto const& field : head.fields) headers.note(field.name, field.value);
    return headers;
}

ClientInfo client_of(http::ServerRequest const& request) {
    ClientInfo client{.ip = std::string(request.peer),
                      .user_agent = std::string(request.head.find("user-agent").substr(0, 256)),
                      .sdk = std::string(known_sdk(request.head.find("x-stainless-lang")))};
    auto const retries = request.head.find("x-stainless-retry-count");
    std::from_chars(retries.data(), retries.data() + retries.size(), client.retry_count);
    return client;
}

WallTime wall_time(http::ServerRequest const& request) { return std::chrono::floor<milliseconds>(request.started_at); }

/// A request that was let in counts as one, also when it turns out to be no good. The pipeline settles the others.
struct Counted {
    Permit& permit;
    WallTime now;
    ~Counted() {
        Amounts one;
        one[Resource::requests] = 1;
        permit.settle(one, now);
    }
};

}  // namespace

/// One row per route. What the table does not list does not exist.
struct Api::Route {
    std::string_view path;  ///< a trailing '/' means: and an id behind it
    std::string_view name;  ///< in metrics and logs
    std::string_view methods;
    bool get = true;  ///< GET and HEAD; else POST
    Endpoint endpoint;
};

Api::Route const* Api::find_route(std::string_view path, std::string_view& id) {
    static constexpr std::array routes{
        Route{"/chat/completions", chat_route, "POST", false, &Api::chat_completions},
        Route{"/models", "/v1/models", "GET, HEAD", true, &Api::list_models},
        Route{"/models/", "/v1/models/{id}", "GET, HEAD", true, &Api::show_model},
    };
    auto const rest = without_prefix(path);
    for (auto const& route : routes) {
        if (rest == route.path) return &route;
        if (route.path.ends_with('/') && rest.size() > route.path.size() && rest.starts_with(route.path)) {
            id = rest.substr(route.path.size());
            return &route;
        }
    }
    return nullptr;
}

Task<> Api::handle(http::ServerRequest& request) {
    auto const runtime = runtime_;  // what this request began with, whatever is reloaded meanwhile
    if (apply_cors(request, runtime.snapshot->settings().server)) {
        Headers headers;
        headers.add("x-request-id", request.request_id);
        std::ignore = co_await request.reply.answer(204, headers, Pieces());
        co_return;
    }
    metrics_.request_started();
    co_await dispatch(request, runtime);
    metrics_.request_finished();
}

Task<> Api::dispatch(http::ServerRequest& request, Runtime const& runtime) {
    auto visit = let_in(request, runtime);
    if (!visit) co_return co_await refuse(request, visit.error());
    co_await (this->*visit->route.endpoint)(*visit);
}

/// Everything that the head decides. No coroutine: their frames live as long as the answer streams.
std::expected<Api::Visit, Api::Refusal> Api::let_in(http::ServerRequest& request, Runtime const& runtime) {
    auto const refused = [](Error error, std::string_view route, Caller const* caller = nullptr) {
        return std::unexpected(Refusal{.error = std::move(error), .route = route, .caller = caller});
    };
    auto const wrong_method = [](std::string_view route, std::string_view allowed) {
        return std::unexpected(
            Refusal{.error = {.kind = ErrorKind::method_not_allowed}, .route = route, .headers = {{"allow", allowed}}});
    };
    if (memory_.full()) {
        memory_.count_refusal();
        return refused({.kind = ErrorKind::overloaded, .retry_after = seconds(1)}, other_route);
    }
    auto const method = request.head.method;
    if (method == "CONNECT" || method == "TRACE") return wrong_method(other_route, "GET, HEAD, POST, OPTIONS");
    std::string_view id;
    auto const* const route = find_route(request.path.path, id);
    if (!route) return refused({.kind = ErrorKind::unknown_route}, other_route);
    bool const allowed = route->get ? method == "GET" || method == "HEAD" : method == "POST";
    if (!allowed) return wrong_method(route->name, route->methods);
    auto const caller = runtime.keyring->identify(request.head, request.started_at);
    if (!caller) return refused(caller.error(), route->name);
    if (auto const use = Keyring::check_use(**caller, route->name, request.peer); !use) {
        return refused(use.error(), route->name, *caller);
    }
    if (request.head.expect_unknown) return refused({.kind = ErrorKind::expectation_failed}, route->name, *caller);
    return Visit{.request = request, .caller = **caller, .runtime = runtime, .route = *route, .id = id};
}

Result<ChatRequest> Api::read_chat(Visit const& visit, std::string_view body) {
    auto const& limits = visit.runtime.snapshot->settings().server.limits;
    ChatLimits const chat_limits{.max_choices = limits.max_choices, .max_output_tokens = limits.max_output_tokens};
    return read_chat_request(body, chat_limits);
}

/// Apart from the coroutine, whose frame lives as long as the answer streams. `chat` must outlive the result.
Result<ClientRequest> Api::client_request(Visit const& visit, ChatRequest& chat, std::uint64_t body_size) {
    auto const& request = visit.request;
    auto const& head = request.head;
    auto const& snapshot = *visit.runtime.snapshot;
    SLUICE_TRY(auto const unsupported, unsupported_policy(head));
    SLUICE_TRY(auto choice, read_choice(chat, choice_headers(head), visit.caller, snapshot));
    return ClientRequest{.request_id = request.request_id,
                         .client = client_of(request),
                         .caller = visit.caller,
                         .method = std::string(head.method),
                         .route = chat_route,
                         .chat = chat,
                         .steering = std::move(choice.steering),
                         .model = std::move(choice.model),
                         .session = std::move(choice.session),
                         .user = std::move(choice.user),
                         .end_user = member_text(chat, "user"),
                         .own_keys = std::move(choice.own_keys),
                         .header = [&head](std::string_view name) { return head.find(name); },
                         .unsupported = unsupported,
                         .wants_receipt = includes(head, "adjustments"),
                         .forwardable = forwardable(head, snapshot),
                         .client_timeout = client_timeout(head),
                         .received_at = request.received_at,
                         .started_at = request.started_at,
                         .bytes_in = head.size + body_size};
}

Headers Api::limit_headers(Visit const& visit) const {
    Headers headers;
    pipeline_.add_limit_headers(headers, visit.caller.accounts, wall_time(visit.request));
    return headers;
}

Task<> Api::chat_completions(Visit& visit) {
    auto& request = visit.request;
    auto const& head = request.head;
    auto permit = pipeline_.try_admit(visit.caller.accounts, wall_time(request));
    if (!permit) permit = co_await wait_for_permit(visit);
    if (!permit) co_return;
    Counted const counted{.permit = *permit, .now = wall_time(request)};
    if (!is_json(head.find("content-type")) || head.count("content-encoding") > 0) {
        static Error const unsupported{.kind = ErrorKind::unsupported_media_type};
        co_return co_await refuse(visit, unsupported);
    }
    auto const& limits = visit.runtime.snapshot->settings().server.limits;
    auto const body = co_await request.body.read(limits);
    if (!body) {
        request.reply.close_afterwards();
        co_return co_await refuse(visit, body.error());
    }
    if (idempotency_.is_on() && head.count("idempotency-key") > 0) {
        co_return co_await serve_once(visit, *body, *permit);
    }
    auto chat = read_chat(visit, *body);
    if (!chat) co_return co_await refuse(visit, chat.error());
    auto client = client_request(visit, *chat, body->size());
    if (!client) co_return co_await refuse(visit, client.error());
    client->permit = &*permit;
    LiveRequests::Entry const entry(live_, *client, request.cancellation);
    if (chat->stream) metrics_.stream_opened();
    co_await pipeline_.handle(*client, visit.runtime.snapshot, request.reply, request.cancellation);
    if (chat->stream) metrics_.stream_closed();
}

Task<std::optional<Permit>> Api::wait_for_permit(Visit& visit) {
    auto const now = wall_time(visit.request);
    auto permit = co_await pipeline_.admit(visit.caller.accounts, now, visit.request.cancellation);
    if (permit) co_return *std::move(permit);
    Refusal const refusal{.error = std::move(permit.error()),
                          .route = visit.route.name,
                          .caller = &visit.caller,
                          .headers = limit_headers(visit)};
    co_await refuse(visit.request, refusal);
    co_return std::nullopt;
}

Task<> Api::refuse(Visit& visit, Error const& error) {
    Refusal const refusal{.error = error, .route = visit.route.name, .caller = &visit.caller};
    co_await refuse(visit.request, refusal);
}

Task<> Api::refuse(http::ServerRequest& request, Refusal const& refusal) {
    auto const& error = refusal.error;
    if (error.kind == ErrorKind::client_closed) {  // nobody is there to be told
        co_return record(request, refusal.route, refusal.caller, &error, {}, status_of(error));
    }
    if (!request.body.drainable()) request.reply.close_afterwards();
    auto headers = refusal.headers;
    headers.add("x-request-id", request.request_id);
    auto const sent = co_await answer_error(request.reply, error, std::move(headers));
    record(request, refusal.route, refusal.caller, &error, sent, status_of(error));
}

Task<> Api::answer_json(Visit& visit, std::string_view route, std::string body) {
    Headers const headers{{"content-type", "application/json"}, {"x-request-id", visit.request.request_id}};
    std::array const pieces{std::string_view(body)};
    auto const sent = co_await visit.request.reply.answer(200, headers, pieces);
    record(visit.request, route, &visit.caller, nullptr, sent, 200);
}

void Api::refused(http::ServerRequest const& request, Error const& error) {
    record(request, other_route, nullptr, &error, {}, status_of(error));
}

void Api::record(http::ServerRequest const& request, std::string_view route, Caller const* caller, Error const* error,
                 Result<> const& sent, int status) {
    ServedElsewhere served{.request_id = request.request_id,
                           .method = std::string(request.head.method),
                           .route = route,
                           .client = client_of(request),
                           .status = sent ? status : status_of(sent.error()),
                           .received_at = request.received_at,
                           .started_at = request.started_at,
                           .bytes_in = request.head.size + request.body.bytes(),
                           .bytes_out = request.reply.bytes_out()};
    if (caller) served.caller = caller->name;
    if (error) served.error = *error;
    if (!sent) served.error = sent.error();
    record_served(recorder_, std::move(served), std::chrono::steady_clock::now());
}

}  // namespace sluice::api
