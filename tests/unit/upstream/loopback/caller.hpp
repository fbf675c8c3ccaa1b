#pragma once

#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "server/upstream/http_upstream.hpp"
#include "tests/unit/http_session/gateway.hpp"

namespace sluice::testing {

/// What came of one call, read to its end.
struct Answer {
    int status = 0;
    std::string body;
    std::optional<Error> error;
    bool reused = false;

    std::optional<ErrorKind> kind() const { return error ? std::optional(error->kind) : std::nullopt; }
};

struct Ask {
    std::string body = "{}";
    milliseconds head_patience = patience;
    milliseconds total = std::chrono::minutes(1);
    bool read_body = true;
    bool makes_sense = true;  ///< the caller says so of the answer
};

/// The gateway's side of its upstreams: a worker with its own thread, and calls that are waited for from outside.
class Caller {
public:
    explicit Caller(std::string base_url, std::map<std::string, std::string> variables = {})
        : variables_(std::move(variables)) {
        std::signal(SIGPIPE, SIG_IGN);
        provider.base_url = std::move(base_url);
        worker.start();
    }
    Caller(Caller const&) = delete;
    Caller& operator=(Caller const&) = delete;
    ~Caller() { worker.end(); }

    /// One call at a time.
    std::future<Answer> start(Ask ask = {}) {
        auto promise = std::make_shared<std::promise<Answer>>();
        cancellation = std::make_unique<Cancellation>();
        worker.post([this, ask, promise] {
            spawn(run(ask, promise), [](std::exception_ptr bug) {
                if (bug) std::rethrow_exception(bug);
            });
        });
        return promise->get_future();
    }
    Answer call(Ask ask = {}) { return start(std::move(ask)).get(); }
    void cancel() {
        worker.post([this] { cancellation->trigger(CancelReason::client_left); });
    }

    net::Worker worker{0};
    CountingObserver observer;
    upstream::TlsContexts contexts;
    ProviderSettings provider;
    Headers client_headers;
    TimeoutSettings timeout;
    std::unique_ptr<Cancellation> cancellation;

private:
    Task<> run(Ask ask, std::shared_ptr<std::promise<Answer>> promise) {
        Answer answer;
        co_await exchange(ask, answer);
        promise->set_value(std::move(answer));
    }

    Task<> exchange(Ask const& ask, Answer& answer) {
        std::string_view const piece = ask.body;
        UpstreamCall const call{.provider = provider,
                                .path = "/chat/completions",
                                .body = Pieces(&piece, 1),
                                .body_size = ask.body.size(),
                                .request_id = "req_1",
                                .accept = "text/event-stream",
                                .client_headers = client_headers,
                                .timeout = timeout,
                                .deadline = worker.now() + ask.total,
                                .cancellation = *cancellation};
        auto called = co_await upstream_.call(call);
        if (!called) {
            answer.error = called.error();
            co_return;
        }
        auto const running = std::move(*called);
        auto const head = co_await running->head(worker.now() + ask.head_patience);
        answer.reused = running->reused_connection();
        if (!head) {
            answer.error = head.error();
            co_return;
        }
        answer.status = (*head)->status;
        if (ask.makes_sense) running->keep_connection();
        while (ask.read_body) {
            auto const part = co_await running->read(worker.now() + patience);
            if (!part) answer.error = part.error();
            if (!part || part->empty()) break;
            answer.body += *part;
        }
    }

    config::Environment environment() {
        return [this](std::string_view name) -> std::optional<std::string> {
            auto const found = variables_.find(std::string(name));
            return found == variables_.end() ? std::nullopt : std::optional(found->second);
        };
    }

    std::map<std::string, std::string> variables_;
    upstream::HttpUpstream upstream_{worker, contexts, 1, environment(), observer};
};

}  // namespace sluice::testing
