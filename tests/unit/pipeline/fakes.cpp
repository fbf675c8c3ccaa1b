#include "tests/unit/pipeline/fakes.hpp"

#include <exception>
#include <stdexcept>

namespace sluice::testing {
namespace {

std::unexpected<Error> failed(Error error) { return std::unexpected(std::move(error)); }

class FakeExchange final : public Exchange {
public:
    FakeExchange(Scene scene, Turnstile& turnstile, FakeClock& clock, FakeUpstream& upstream)
        : scene_(std::move(scene)),
          turnstile_(turnstile),
          clock_(clock),
          upstream_(upstream),
          ready_(clock.time + scene_.head_after) {
        head_.status = scene_.status;
        head_.headers = scene_.headers;
    }
    ~FakeExchange() override { ended_&& kept_ ? ++upstream_.read_to_the_end : ++upstream_.cut_off; }

    Task<Result<UpstreamHead const*>> head(Instant until) override {
        if (auto error = turnstile_.waits()) co_return failed(*error);
        if (!wait_for(ready_, until)) co_return failed(error_of(ErrorKind::upstream_timeout));
        if (scene_.head_fails) co_return failed(*scene_.head_fails);
        next_piece();
        co_return &head_;
    }

    Task<Result<std::string_view>> read(Instant until) override {
        buffer_.clear();
        if (auto error = turnstile_.waits()) co_return failed(*error);
        if (ended_) throw std::logic_error("read behind the end of a body");
        if (!wait_for(ready_, until)) co_return failed(error_of(ErrorKind::upstream_timeout));
        if (next_ == scene_.body.size()) {
            ended_ = true;
            co_return std::string_view();
        }
        auto const& say = scene_.body[next_++];
        if (say.fails) co_return failed(*say.fails);
        buffer_.reserve(say.bytes.size() + 64);
        buffer_ = say.bytes;
        next_piece();
        co_return std::string_view(buffer_);
    }

    void keep_connection() override { kept_ = true; }
    bool reused_connection() const override { return true; }
    Duration connect_time() const override { return Duration::zero(); }

private:
    void next_piece() {
        if (next_ < scene_.body.size()) ready_ = clock_.time + scene_.body[next_].after;
    }
    bool wait_for(Instant ready, Instant until) {
        if (ready <= clock_.time) return true;
        clock_.time = std::max(clock_.time, std::min(ready, until));
        return ready <= until;
    }

    Scene scene_;
    Turnstile& turnstile_;
    FakeClock& clock_;
    FakeUpstream& upstream_;
    UpstreamHead head_;
    Instant ready_;
    std::size_t next_ = 0;
    std::string buffer_;
    bool ended_ = false;
    bool kept_ = false;
};

class FakeDecoder final : public StreamDecoder {
public:
    explicit FakeDecoder(DecoderOptions const& options)
        : keeps_text_(options.keep_text || options.continued != nullptr) {
        if (options.continued != nullptr) text_ = options.continued->text;
    }

    void feed(std::string_view piece, StreamStep& step) override {
        while (!piece.empty() && !step.ended && !step.error) {
            auto const size = piece.find("\n\n") + 2;
            take(piece.substr(0, size), step);
            piece.remove_prefix(size);
        }
        step.committed = deltas_ > 0;
    }
    void finish(StreamStep& step) override {
        step.committed = deltas_ > 0;
        step.error = error_of(deltas_ == 0 ? ErrorKind::upstream_empty_answer : ErrorKind::stream_interrupted);
    }
    Usage usage() const override {
        if (reported_) return {.input = 10, .output = 5, .source = UsageSource::provider};
        return {.input = 3, .output = static_cast<std::int64_t>(deltas_), .source = UsageSource::estimated};
    }
    std::string_view reported_model() const override { return "reported"; }
    std::string_view finish_reason() const override { return "stop"; }
    std::uint64_t text_bytes() const override { return 100 * deltas_; }
    std::uint64_t delta_count() const override { return deltas_; }
    std::optional<Continuation> continuation() const override {
        if (!keeps_text_ || text_.empty() || text_.find("tool") != std::string::npos) return std::nullopt;
        Continuation continuation;
        continuation.text = text_;
        return continuation;
    }

private:
    void take(std::string_view event, StreamStep& step) {
        if (event.starts_with(":")) return;
        if (event == "data: error\n\n") {
            step.error = Error{.kind = ErrorKind::upstream_overloaded, .detail = "said so in the stream"};
        } else if (event == "data: usage\n\n") {
            reported_ = true;
        } else {
            step.relay.push_back(event);
            step.ended = event == "data: [DONE]\n\n";
            if (step.ended || event == "data: role\n\n") return;
            ++deltas_;
            text_ += event.substr(6, event.size() - 8);
        }
    }
    std::uint64_t deltas_ = 0;
    std::string text_;
    bool reported_ = false;
    bool keeps_text_;
};

ErrorKind kind_of(int status) {
    switch (status) {
        case 401:
            return ErrorKind::upstream_auth;
        case 404:
            return ErrorKind::upstream_model_missing;
        case 429:
            return ErrorKind::upstream_rate_limited;
        case 503:
            return ErrorKind::upstream_overloaded;
        default:
            return status < 500 ? ErrorKind::upstream_rejected : ErrorKind::upstream_server_error;
    }
}

class FakeDialect final : public Dialect {
public:
    Result<EncodedRequest> encode(ChatRequest const& request, TargetView const& target) const override {
        EncodedRequest encoded{.path = "/chat", .edits = {}, .adjustments = {}};
        encoded.edits.push_back({.offset = 0, .length = request.body.find(' '), .text = std::string(target.model)});
        if (target.continuation != nullptr) {
            encoded.edits.push_back(
                {.offset = request.body.size(), .length = 0, .text = "+" + target.continuation->text});
        }
        if (target.max_output) {
            encoded.edits.push_back(
                {.offset = request.body.size(), .length = 0, .text = " at most " + std::to_string(*target.max_output)});
        }
        for (auto const& rule : target.provider.parameters) {
            encoded.adjustments.push_back({.field = rule.field, .why = rule.why});
        }
        return encoded;
    }
    std::vector<ParameterRule const*> refused_by(ChatRequest const&, TargetView const& target) const override {
        std::vector<ParameterRule const*> refused;
        for (auto const& rule : target.provider.parameters) {
            if (rule.action == RuleAction::reject) refused.push_back(&rule);
        }
        return refused;
    }
    std::unique_ptr<StreamDecoder> stream_decoder(ChatRequest const&, std::string_view, ProviderSettings const&,
                                                  DecoderOptions const& options) const override {
        return std::make_unique<FakeDecoder>(options);
    }
    Result<AnswerFacts> read_answer(ChatRequest const&, std::string_view, ProviderSettings const&,
                                    std::string_view body) const override {
        if (body == "nonsense") return failed(error_of(ErrorKind::upstream_invalid_response));
        if (body == "nothing") return failed(error_of(ErrorKind::upstream_empty_answer));
        if (body == "error") return failed(error_of(ErrorKind::upstream_overloaded));
        return AnswerFacts{.usage = {.input = 10, .output = 5, .source = UsageSource::provider},
                           .reported_model = "reported",
                           .finish_reason = "stop",
                           .edits = {}};
    }
    Error read_error(int status, Headers const& headers, std::string_view body) const override {
        Error error{.kind = kind_of(status), .detail = "upstream answered " + std::to_string(status)};
        if (error.kind == ErrorKind::upstream_rejected) error.message = body;
        auto const wait = find(headers, "retry-after");
        if (!wait.empty()) error.retry_after = seconds(std::stoi(std::string(wait)));
        return error;
    }
    RateLimits read_limits(Headers const& headers) const override {
        auto const left = find(headers, "left");
        if (left.empty()) return {};
        return {{.remaining = std::stoi(std::string(left)), .resets_in = seconds(30)}};
    }
};

}  // namespace

std::optional<Error> Turnstile::waits() {
    if (++passed == stop_at) cancellation->trigger(reason);
    return stopped();
}

std::optional<Error> Turnstile::stopped() const {
    if (cancellation->reason() == CancelReason::client_left) return error_of(ErrorKind::client_closed);
    if (cancellation->reason() == CancelReason::server_shutdown) return error_of(ErrorKind::server_shutdown);
    return std::nullopt;
}

std::optional<Error> Turnstile::writes() {
    if (at_write) at_write();
    if (++passed == stop_at) cancellation->trigger(reason);
    if (cancellation->reason() == CancelReason::client_left) return error_of(ErrorKind::client_closed);
    return std::nullopt;
}

namespace {

/// It was opened before, or time passes with what FakeClock::others do, until one of them opens it.
struct FakeGate final : Gate {
    FakeClock& clock;
    bool is_open = false;
    explicit FakeGate(FakeClock& of) : clock(of) {}
    Task<Result<bool>> wait(Instant until, Cancellation&) override {
        if (auto error = clock.turnstile.waits()) co_return std::unexpected(std::move(*error));
        while (!is_open && !clock.others.empty() && clock.others.begin()->first <= until) {
            auto const next = clock.others.extract(clock.others.begin());
            clock.time = std::max(clock.time, next.key());
            next.mapped()();
        }
        if (std::exchange(is_open, false)) co_return true;
        if (auto error = clock.turnstile.stopped()) co_return failed(std::move(*error));
        clock.time = until;
        co_return false;
    }
    void open() override { is_open = true; }
};

}  // namespace

std::shared_ptr<Gate> FakeClock::make_gate() { return std::make_shared<FakeGate>(*this); }

Task<Result<>> FakeClock::sleep(milliseconds wait, Cancellation&) {
    if (auto error = turnstile.waits()) co_return failed(*error);
    slept.push_back(wait);
    time += wait;
    co_return Result<>();
}

Task<Result<std::unique_ptr<Exchange>>> FakeUpstream::call(UpstreamCall const& call) {
    SeenCall seen{.provider = call.provider.name,
                  .credential = call.credential ? call.credential->name : "",
                  .path = std::string(call.path),
                  .body = {},
                  .accept = std::string(call.accept),
                  .deadline = call.deadline,
                  .method = std::string(call.method),
                  .path_of_server = call.path_of_server};
    for (auto const piece : call.body) seen.body += piece;
    if (seen.body.size() != call.body_size) throw std::logic_error("body_size is not the size of the body");
    auto const& scene = scenes[std::min(calls.size(), scenes.size() - 1)];
    calls.push_back(std::move(seen));
    if (auto error = turnstile_.waits()) co_return failed(*error);
    if (scene.call_fails) co_return failed(*scene.call_fails);
    co_return std::make_unique<FakeExchange>(scene, turnstile_, clock_, *this);
}

Task<Result<>> FakeSink::answer(int status_code, Headers const& fields, Pieces pieces) {
    misused = misused || status != 0;
    if (auto error = turnstile_.writes()) co_return failed(*error);
    status = status_code;
    headers = fields;
    for (auto const piece : pieces) body += piece;
    ended = kept_open = true;
    co_return Result<>();
}

Task<Result<>> FakeSink::start_stream(Headers const& fields) {
    misused = misused || status != 0;
    if (auto error = turnstile_.writes()) co_return failed(*error);
    status = 200;
    headers = fields;
    co_return Result<>();
}

Task<Result<>> FakeSink::write(Pieces pieces) {
    misused = misused || ended;
    if (auto error = turnstile_.writes()) co_return failed(*error);
    misused = misused || status == 0;
    writes.emplace_back();
    for (auto const piece : pieces) writes.back() += piece;
    body += writes.back();
    co_return Result<>();
}

Task<Result<>> FakeSink::end_stream(bool keep_open) {
    misused = misused || ended;
    if (auto error = turnstile_.writes()) co_return failed(*error);
    ended = true;
    kept_open = keep_open;
    co_return Result<>();
}

Task<Result<bool>> FakeSharing::more(Clock& clock, Cancellation&, Instant until) {
    ++asked;
    auto const forever = WallTime() + std::chrono::years(100);
    for (auto const& lease : book_.leases({})) {
        auto const enough = lease.settled + lease.reserved + lease.wanted;
        if (lends) book_.grant(lease.payer, lease.limit, lease.window_began, enough, forever);
    }
    co_return lends&& clock.now() < until;
}

Dialect const& fake_dialect() {
    static FakeDialect const dialect;
    return dialect;
}

namespace {

class FakeCall final : public LedgerCall {
public:
    FakeCall(FakeLedger const& ledger, std::shared_ptr<FakeLedger::Line> line)
        : ledger_(ledger), line_(std::move(line)) {}
    Task<Result<>> recorded(Cancellation&) override {
        line_->was_recorded = !ledger_.fails_to_record;
        if (ledger_.fails_to_record) co_return std::unexpected(error_of(ErrorKind::ledger_unavailable));
        co_return Result<>();
    }
    Task<Result<>> durable(Cancellation&) override {
        line_->was_durable = !ledger_.fails_to_last;
        if (ledger_.fails_to_last) co_return std::unexpected(error_of(ErrorKind::ledger_unavailable));
        co_return Result<>();
    }
    void raise(NanoUsd amount) override { line_->raised.push_back(amount); }
    void settle(LedgerSettlement const& settlement) override { line_->settlements.push_back(settlement); }

private:
    FakeLedger const& ledger_;
    std::shared_ptr<FakeLedger::Line> line_;
};

}  // namespace

Result<std::unique_ptr<LedgerCall>> FakeLedger::reserve(LedgerReservation const& call) {
    if (fails_at_once) return std::unexpected(error_of(ErrorKind::ledger_unavailable));
    lines.push_back(std::make_shared<Line>());
    lines.back()->reservation = {.request_id = std::string(call.request_id),
                                 .attempt = call.attempt,
                                 .key = std::string(call.key),
                                 .team = std::string(call.team),
                                 .tags = *call.tags,
                                 .user = std::string(call.user),
                                 .model = std::string(call.model),
                                 .provider = std::string(call.provider),
                                 .target_model = std::string(call.target_model),
                                 .credential = std::string(call.credential),
                                 .amount = call.amount};
    return std::make_unique<FakeCall>(*this, lines.back());
}

Gateway::Gateway()
    : pipeline(upstream, clock, recorder, [this](std::string_view) { return dialect; }, budget,
               {.limits = &limits, .ledger = &ledger, .sharing = &sharing}) {
    chat.body = "MODEL and the rest";
    chat.requested_model = "m";
    chat.stream = true;
    chat.prompt_bytes = 40;
    auto& alpha = settings.providers["alpha"];
    alpha.name = "alpha";
    alpha.credentials = {{.name = "a1", .value = Secret("1")}, {.name = "a2", .value = Secret("2")}};
    settings.providers["beta"].name = "beta";
    settings.models.resize(3);
    settings.models[0].name = "m";
    settings.models[0].targets = {{"alpha", "one"}, {"beta", "two"}};
    settings.models[1].name = "solo";
    settings.models[1].targets = {{"alpha", "one"}};
    settings.models[2].name = "any/*";
    settings.models[2].targets = {{"beta", "*"}};
    PriceSheet const sheet{.input = {{1'000'000'000}}, .output = {{2'000'000'000}}};  // $1 and $2 a million
    settings.prices = {{"alpha/one", sheet}, {"beta/two", sheet}, {"beta/star", sheet}};
    load();
}

void Gateway::load() { snapshot = Snapshot::make(settings, health, &limits); }

Outcome const& Gateway::ask() {
    sink = std::make_unique<FakeSink>(turnstile);
    cancellation = std::make_unique<Cancellation>();
    turnstile.cancellation = cancellation.get();
    turnstile.passed = 0;
    upstream.calls.clear();
    upstream.read_to_the_end = upstream.cut_off = 0;
    clock.slept.clear();
    auto const recorded = recorder.of_clients();
    ClientRequest const request{.request_id = "req-1",
                                .client = {},
                                .caller = caller,
                                .method = "POST",
                                .route = "/v1/chat/completions",
                                .chat = chat,
                                .steering = steering ? std::make_shared<Steering const>(*steering) : nullptr,
                                .session = session,
                                .end_user = end_user,
                                .own_keys = own_keys,
                                .permit = permit ? &*permit : nullptr,
                                .client_timeout = client_timeout,
                                .received_at = clock.time,
                                .started_at = {},
                                .bytes_in = chat.body.size()};
    std::exception_ptr thrown;
    auto done = [&thrown](std::exception_ptr error) { thrown = error; };
    spawn(pipeline.handle(request, snapshot, *sink, *cancellation), done);
    if (thrown) std::rethrow_exception(thrown);
    if (recorder.of_clients() != recorded + 1) throw std::logic_error("not exactly one outcome");
    if (sink->misused) throw std::logic_error("the reply was misused");
    return recorder.outcomes.back();
}

Outcome const& Gateway::ask(Scene scene) { return ask(std::vector<Scene>{std::move(scene)}); }

Outcome const& Gateway::ask(std::vector<Scene> scenes) {
    upstream.scenes = std::move(scenes);
    return ask();
}

std::string events(std::vector<std::string> const& texts) {
    std::string all;
    for (auto const& text : texts) all += "data: " + text + "\n\n";
    return all;
}

Scene good_stream(std::string const& text) {
    return {.body = {{events({"role"})}, {events({text})}, {events({"usage", "[DONE]"})}}};
}

Scene good_answer() { return {.headers = {{"content-type", "application/json"}}, .body = {{"{\"answer\":1}"}}}; }

Scene refused(int status, Headers headers) {
    return {.status = status, .headers = std::move(headers), .body = {{"the upstream's words"}}};
}

Scene unreachable() { return {.call_fails = error_of(ErrorKind::upstream_unavailable)}; }

Error error_of(ErrorKind kind) { return {.kind = kind}; }

}  // namespace sluice::testing
