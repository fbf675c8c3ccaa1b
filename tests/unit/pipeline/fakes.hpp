#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/pipeline/ledger.hpp"
#include "core/pipeline/limit_book.hpp"
#include "core/pipeline/limit_sharing.hpp"
#include "core/pipeline/pipeline.hpp"
#include "core/pipeline/ports.hpp"

/// A world for the pipeline in which nothing waits: a port that would wait moves the clock on instead.
namespace sluice::testing {

/// Counts every use of a port, and cancels the request at a chosen one.
struct Turnstile {
    int passed = 0;
    int stop_at = 0;  ///< 0: never
    CancelReason reason = CancelReason::client_left;
    Cancellation* cancellation = nullptr;
    std::function<void()> at_write{};  ///< what the client sees of the world, whenever it gets something

    /// The error of a port that waits for the world, if the request is cancelled by now.
    std::optional<Error> waits();
    /// The same, without counting.
    std::optional<Error> stopped() const;
    /// The error of a port that writes to the client, if it has left by now.
    std::optional<Error> writes();
};

struct FakeClock final : Clock {
    Turnstile& turnstile;
    Instant time = Instant() + seconds(1'000);
    double draw = 0.5;
    std::vector<milliseconds> slept;
    std::multimap<Instant, std::function<void()>> others;  ///< what they do while somebody waits at a gate

    explicit FakeClock(Turnstile& gate) : turnstile(gate) {}
    Instant now() override { return time; }
    std::shared_ptr<Gate> make_gate() override;
    Task<Result<>> sleep(milliseconds wait, Cancellation& cancellation) override;
    Task<> give_way() override { co_return; }
    double random() override { return draw; }
};

/// A piece of an upstream's body; the last one may be a failure.
struct Say {
    std::string bytes;
    milliseconds after{0};
    std::optional<Error> fails{};
};

/// What one call to the upstream meets.
struct Scene {
    int status = 200;
    Headers headers{{"content-type", "text/event-stream"}};
    std::vector<Say> body{};
    milliseconds head_after{0};
    std::optional<Error> call_fails{};
    std::optional<Error> head_fails{};
};

struct SeenCall {
    std::string provider;
    std::string credential;
    std::string path;
    std::string body;
    std::string accept;
    Instant deadline;
    std::string method;
    bool path_of_server = false;
};

/// Plays its scenes in order; the last one again and again.
class FakeUpstream final : public Upstream {
public:
    FakeUpstream(Turnstile& turnstile, FakeClock& clock) : turnstile_(turnstile), clock_(clock) {}
    Task<Result<std::unique_ptr<Exchange>>> call(UpstreamCall const& call) override;

    std::vector<Scene> scenes;
    std::vector<SeenCall> calls;
    int read_to_the_end = 0;  ///< exchanges whose connection could be used again
    int cut_off = 0;

private:
    Turnstile& turnstile_;
    FakeClock& clock_;
};

class FakeSink final : public ReplySink {
public:
    explicit FakeSink(Turnstile& turnstile) : turnstile_(turnstile) {}
    Task<Result<>> answer(int status_code, Headers const& fields, Pieces pieces) override;
    void forget_request() override { forgot_request = true; }
    Task<Result<>> start_stream(Headers const& fields) override;
    Task<Result<>> write(Pieces pieces) override;
    Task<Result<>> end_stream(bool keep_open) override;
    bool stream_started() const override { return status != 0; }
    std::uint64_t bytes_out() const override { return body.size(); }

    std::string header(std::string_view name) const { return std::string(find(headers, name)); }

    int status = 0;
    Headers headers;
    std::string body;
    std::vector<std::string> writes;
    bool ended = false;
    bool kept_open = false;
    bool forgot_request = false;
    bool misused = false;  ///< written to before the start or behind the end, or answered twice

private:
    Turnstile& turnstile_;
};

struct FakeRecorder final : Recorder {
    std::vector<Outcome> outcomes;
    void record(Outcome const& outcome) override { outcomes.push_back(outcome); }
    std::ptrdiff_t of_clients() const {
        return std::ranges::count_if(outcomes, [](Outcome const& each) { return each.mirror != Mirror::copy; });
    }
};

/// A ledger on paper. `fails`: it takes nothing.
class FakeLedger final : public Ledger {
public:
    struct Reservation {
        std::string request_id{};
        unsigned attempt = 0;
        std::string key{};
        std::string team{};
        std::map<std::string, std::string> tags{};
        std::string user{};
        std::string model{};
        std::string provider{};
        std::string target_model{};
        std::string credential{};
        NanoUsd amount{};
    };
    struct Line {
        Reservation reservation{};
        std::vector<NanoUsd> raised{};
        std::vector<LedgerSettlement> settlements{};
        bool was_recorded = false;
        bool was_durable = false;
    };
    Result<std::unique_ptr<LedgerCall>> reserve(LedgerReservation const& call) override;

    std::vector<std::shared_ptr<Line>> lines{};
    bool fails_at_once = false;
    bool fails_to_record = false;
    bool fails_to_last = false;
};

/// Lends whatever a book wants, each time that somebody waits for it. `lends`: or nothing.
class FakeSharing final : public LimitSharing {
public:
    explicit FakeSharing(LimitBook& book) : book_(book) {}
    Task<Result<bool>> more(Clock& clock, Cancellation& cancellation, Instant until) override;

    bool lends = true;
    int asked = 0;

private:
    LimitBook& book_;
};

/// A toy wire format. An event is "data: role", "data: usage", "data: [DONE]", "data: error", or content.
Dialect const& fake_dialect();

/// The whole gateway but for its sockets: providers alpha (credentials a1, a2) and beta; model "m" goes to alpha/one,
/// then beta/two; "solo" to alpha/one; "any/*" to beta/*.
class Gateway {
public:
    Gateway();

    /// Applies `settings`.
    void load();
    /// Sends one request and runs it to its end.
    Outcome const& ask();
    Outcome const& ask(Scene scene);
    Outcome const& ask(std::vector<Scene> scenes);

    Dialect const* dialect = &fake_dialect();
    ChatRequest chat;
    std::optional<milliseconds> client_timeout;
    std::optional<Steering> steering;
    std::string session;
    Caller caller{.name = "key"};
    Settings settings;

    Turnstile turnstile;
    FakeClock clock{turnstile};
    FakeUpstream upstream{turnstile, clock};
    FakeRecorder recorder;
    HealthRegistry health;
    LimitBook limits;
    FakeLedger ledger;
    FakeSharing sharing{limits};
    std::string end_user;
    std::vector<OwnKey> own_keys;
    std::optional<Permit> permit;  ///< what the API has reserved for the next request
    std::shared_ptr<RetryBudget> budget = std::make_shared<RetryBudget>(10);
    std::shared_ptr<Snapshot const> snapshot;
    std::unique_ptr<FakeSink> sink;
    std::unique_ptr<Cancellation> cancellation;
    Pipeline pipeline;
};

/// "data: " + each text + a blank line.
std::string events(std::vector<std::string> const& texts);
/// A stream that is all right: role, `text`, usage, [DONE].
Scene good_stream(std::string const& text = "hi");
Scene good_answer();
Scene refused(int status, Headers headers = {});
Scene unreachable();
Error error_of(ErrorKind kind);

}  // namespace sluice::testing
