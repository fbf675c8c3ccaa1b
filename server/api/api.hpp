#pragma once

#include <expected>
#include <memory>
#include <optional>

#include "core/pipeline/limit_book.hpp"
#include "core/pipeline/pipeline.hpp"
#include "server/api/keyring.hpp"
#include "server/api/live_requests.hpp"
#include "server/api/model_cards.hpp"
#include "server/http/server_request.hpp"
#include "server/net/memory_guard.hpp"
#include "server/observe/metrics_shard.hpp"

namespace sluice::api {

class DetachedRequest;
class IdempotencyTable;
struct IdempotencyPlace;

/// The configuration in force: replaced as a whole.
struct Runtime {
    std::shared_ptr<Snapshot const> snapshot;
    std::shared_ptr<Keyring const> keyring;
    std::shared_ptr<ModelCards const> cards;
    std::chrono::sys_seconds loaded_at{};
};

/// The data plane's listener: finds the route, checks the key, and hands over to an endpoint. Thread: its worker's.
class Api final : public http::Handler {
public:
    Api(Pipeline& pipeline, Recorder& recorder, observe::MetricsShard& metrics, net::MemoryGuard& memory,
        Runtime runtime, Clock& clock, IdempotencyTable& idempotency)
        : pipeline_(pipeline),
          recorder_(recorder),
          metrics_(metrics),
          memory_(memory),
          runtime_(std::move(runtime)),
          clock_(clock),
          idempotency_(idempotency) {}

    void adopt(Runtime runtime) { runtime_ = std::move(runtime); }

    Task<> handle(http::ServerRequest& request) override;
    LiveRequests& live() { return live_; }
    void refused(http::ServerRequest const& request, Error const& error) override;
    LimitSettings const& limits() const override { return runtime_.snapshot->settings().server.limits; }

private:
    struct Route;
    /// A request whose key is good. `id` is what its path says behind the route's own part.
    struct Visit {
        http::ServerRequest& request;
        Caller const& caller;
        Runtime const& runtime;
        Route const& route;
        std::string_view id;
    };
    /// A route's answer.
    using Endpoint = Task<> (Api::*)(Visit& visit);
    /// One whose head is no good, or asks too much.
    struct Refusal {
        Error error;
        std::string_view route;
        Caller const* caller = nullptr;
        Headers headers{};
    };
    std::expected<Visit, Refusal> let_in(http::ServerRequest& request, Runtime const& runtime);
    static Route const* find_route(std::string_view path, std::string_view& id);

    [[gnu::noinline]] Task<> list_models(Visit& visit);
    [[gnu::noinline]] Task<> show_model(Visit& visit);
    Task<> chat_completions(Visit& visit);
    /// A request with an Idempotency-Key, which is served once, however often it comes.
    [[gnu::noinline]] Task<> serve_once(Visit& visit, std::string_view body, Permit& permit);
    Task<Result<Digest>> digest_of_request(std::string_view body);
    Result<IdempotencyPlace> enter(Visit const& visit, std::string_view body, Digest const& asked,
                                   DetachedRequest& detached);
    void lead(std::unique_ptr<DetachedRequest> detached);
    Task<> run(std::unique_ptr<DetachedRequest> detached);
    static Result<ChatRequest> read_chat(Visit const& visit, std::string_view body);
    Headers limit_headers(Visit const& visit) const;
    static Result<ClientRequest> client_request(Visit const& visit, ChatRequest& chat, std::uint64_t body_size);

    Task<> dispatch(http::ServerRequest& request, Runtime const& runtime);
    [[gnu::noinline]] Task<> refuse(http::ServerRequest& request, Refusal const& refusal);
    [[gnu::noinline]] Task<> refuse(Visit& visit, Error const& error);
    /// Absent: it was refused.
    [[gnu::noinline]] Task<std::optional<Permit>> wait_for_permit(Visit& visit);
    Task<> answer_json(Visit& visit, std::string_view route, std::string body);
    void record(http::ServerRequest const& request, std::string_view route, Caller const* caller, Error const* error,
                Result<> const& sent, int status);

    Pipeline& pipeline_;
    Recorder& recorder_;
    observe::MetricsShard& metrics_;
    net::MemoryGuard& memory_;
    Runtime runtime_;
    Clock& clock_;
    IdempotencyTable& idempotency_;
    LiveRequests live_;
};

}  // namespace sluice::api
