#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "server/http/body_reader.hpp"
#include "server/http/listener.hpp"
#include "server/http/session.hpp"
#include "tests/unit/http_session/loopback.hpp"

namespace sluice::testing {

class CountingObserver final : public net::ConnectionObserver {
public:
    std::atomic<int> open{0};
    std::atomic<int> failed{0};

private:
    void connection_opened() override { ++open; }
    void connection_closed() override { --open; }
    void connection_failed(std::string_view) override { ++failed; }
};

/// A handler whose answers are chosen by the path.
class PathHandler final : public http::Handler {
public:
    explicit PathHandler(net::Worker& worker) : worker_(worker) {}

    std::shared_ptr<LimitSettings const> limits_ = std::make_shared<LimitSettings const>();
    std::function<bool(http::ServerRequest&)> before = [](http::ServerRequest&) { return false; };
    std::atomic<int> handled{0};
    std::atomic<int> refused_{0};
    std::atomic<CancelReason> cancelled{CancelReason::none};
    std::atomic<bool> waiting{false};

    Task<> handle(http::ServerRequest& request) override {
        ++handled;
        if (before(request)) {
            std::ignore = co_await request.reply.answer(204, Headers(), Pieces());
            co_return;
        }
        auto const path = std::string(request.path.path);
        if (path == "/echo") co_return co_await echo(request);
        if (path == "/stream") co_return co_await stream(request);
        if (path == "/flood") co_return co_await flood(request);
        if (path == "/wait") co_return co_await wait(request);
        co_await say(request, 200, std::string(request.head.method) + " " + path);
    }
    void refused(http::ServerRequest const&, Error const&) override { ++refused_; }
    LimitSettings const& limits() const override { return *limits_; }

private:
    static Task<> say(http::ServerRequest& request, int status, std::string text) {
        std::string_view const piece = text;
        Headers const headers{{"x-request-id", request.request_id}};
        std::ignore = co_await request.reply.answer(status, headers, Pieces(&piece, 1));
    }
    Task<> echo(http::ServerRequest& request) {
        auto const limits = limits_;
        auto const body = co_await request.body.read(*limits);
        if (!body) {
            request.reply.close_afterwards();
            co_return co_await say(request, status_of(body.error()), std::string(code_of(body.error())));
        }
        co_await say(request, 200, std::string(*body));
    }
    static Task<> stream(http::ServerRequest& request) {
        std::ignore = co_await request.reply.start_stream(Headers());
        for (std::string const text : {"one", "", "two"}) {
            std::string_view const piece = text;
            std::ignore = co_await request.reply.write(Pieces(&piece, 1));
        }
        std::ignore = co_await request.reply.end_stream(true);
    }
    /// Writes until the client does not take any more.
    Task<> flood(http::ServerRequest& request) {
        std::ignore = co_await request.reply.start_stream(Headers());
        std::string const text(100'000, 'x');
        std::string_view const piece = text;
        while (true) {
            waiting = true;
            auto const written = co_await request.reply.write(Pieces(&piece, 1));
            if (!written) break;
        }
        std::ignore = co_await request.reply.end_stream(true);
        cancelled = request.cancellation.reason();
    }
    Task<> wait(http::ServerRequest& request) {
        waiting = true;
        auto const slept = co_await worker_.sleep(std::chrono::minutes(5), request.cancellation);
        cancelled = request.cancellation.reason();
        co_await say(request, slept ? 200 : 503, "woken");
    }

    net::Worker& worker_;
};

/// A listener on a worker with its own thread.
class Gateway {
public:
    explicit Gateway(LimitSettings limits = {}, net::TlsContext tls = nullptr) {
        std::signal(SIGPIPE, SIG_IGN);
        handler.limits_ = std::make_shared<LimitSettings const>(limits);
        auto const bound = listener.bind("127.0.0.1", 0);
        REQUIRE(bound);
        port = *bound;
        listener.start(std::move(tls));
        worker.start();
    }
    Gateway(Gateway const&) = delete;
    Gateway& operator=(Gateway const&) = delete;
    ~Gateway() { worker.end(); }

    Raw connect() const { return Raw::to(port); }
    bool all_closed() {
        return eventually([this] { return observer.open == 0 && listener.sessions().open() == 0; });
    }

    net::Worker worker{0};
    PathHandler handler{worker};
    http::ListenerShared shared;
    CountingObserver observer;
    http::Listener listener{worker, handler, shared, observer};
    std::uint16_t port = 0;
};

}  // namespace sluice::testing
