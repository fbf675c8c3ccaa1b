#pragma once

#include <memory>

#include "core/pipeline/limit_book.hpp"
#include "core/pipeline/pipeline.hpp"
#include "server/api/keyring.hpp"
#include "server/api/live_requests.hpp"
#include "server/api/model_cards.hpp"
#include "server/http/server_request.hpp"
#include "server/net/memory_guard.hpp"
#include "server/observe/metrics_shard.hpp"

namespace sluice::api {

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
        LimitBook* limits, Runtime runtime)
        : pipeline_(pipeline),
          recorder_(recorder),
          metrics_(metrics),
          memory_(memory),
          limits_(limits),
          runtime_(std::move(runtime)) {}

    void adopt(Runtime runtime) { runtime_ = std::move(runtime); }

    Task<> handle(http::ServerRequest& request) override;
    LiveRequests& live() { return live_; }
    void refused(http::ServerRequest const& request, Error const& error) override;
    LimitSettings const& limits() const override { return runtime_.snapshot->settings().server.limits; }

private:
    /// A route's answer to a request whose key is good. `id` is what the path says behind the route's own part.
    struct Visit {
        http::ServerRequest& request;
        Caller const& caller;
        Runtime const& runtime;
        std::string_view id;
    };
    using Endpoint = Task<> (Api::*)(Visit& visit);
    struct Route;
    static Route const* find_route(std::string_view path, std::string_view& id);

    [[gnu::noinline]] Task<> list_models(Visit& visit);
    [[gnu::noinline]] Task<> show_model(Visit& visit);
    Task<> chat_completions(Visit& visit);
    /// One request of the caller's, before its body is read: what its limits say to that.
    Result<Permit> admit(Visit const& visit) const;
    Headers limit_headers(Visit const& visit) const;
    static Result<ClientRequest> client_request(Visit const& visit, ChatRequest& chat, std::uint64_t body_size);

    Task<> dispatch(http::ServerRequest& request, Runtime const& runtime);
    [[gnu::noinline]] Task<> refuse(http::ServerRequest& request, std::string_view route, Caller const* caller,
                                    Error error, Headers extra = {});
    Task<> refuse(http::ServerRequest& request, std::string_view route, Caller const* caller, ErrorKind kind,
                  Headers extra = {}) {
        return refuse(request, route, caller, Error{.kind = kind}, std::move(extra));
    }
    Task<> answer_json(Visit& visit, std::string_view route, std::string body);
    void record(http::ServerRequest const& request, std::string_view route, Caller const* caller, Error const* error,
                Result<> const& sent, int status);

    Pipeline& pipeline_;
    Recorder& recorder_;
    observe::MetricsShard& metrics_;
    net::MemoryGuard& memory_;
    LimitBook* limits_;  ///< null: nobody has limits
    Runtime runtime_;
    LiveRequests live_;
};

}  // namespace sluice::api
