#include "core/pipeline/mirror.hpp"

#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "core/pipeline/attempt_run.hpp"

namespace sluice {
namespace {

constexpr std::size_t readable_behind = 64;  ///< parsers read ahead
constexpr milliseconds later{1};

/// Takes an answer that nobody wants to see.
class Swallow final : public ReplySink {
public:
    explicit Swallow(std::string& body) : body_(body) {}
    Task<Result<>> answer(int, Headers const&, Pieces) override { co_return Result<>(); }
    void forget_request() override { std::string().swap(body_); }
    Task<Result<>> start_stream(Headers const&) override {
        started_ = true;
        co_return Result<>();
    }
    Task<Result<>> write(Pieces) override { co_return Result<>(); }
    Task<Result<>> end_stream(bool) override { co_return Result<>(); }
    bool stream_started() const override { return started_; }
    std::uint64_t bytes_out() const override { return 0; }

private:
    std::string& body_;
    bool started_ = false;
};

/// A request of nobody's: what the copy needs of the client's. It does not move, since its parts refer to each other.
struct Copy {
    Copy(RequestRun const& run, Instant now)
        : snapshot(run.snapshot.shared_from_this()),
          request_id(std::string(run.request.request_id) + "-mirror"),
          star(run.routing.star),
          chat(run.request.chat),
          request{.request_id = request_id,
                  .client = {},
                  .caller = nobody,
                  .method = run.request.method,
                  .route = run.request.route,
                  .chat = chat,
                  .unsupported = run.request.unsupported,
                  .forwardable = run.request.forwardable,
                  .client_timeout = {},
                  .received_at = now,
                  .started_at = run.request.started_at,
                  .bytes_in = run.request.bytes_in} {
        body.reserve(chat.body.size() + readable_behind);
        body = chat.body;
        chat.body = body;
    }
    Copy(Copy const&) = delete;
    Copy& operator=(Copy const&) = delete;

    std::shared_ptr<Snapshot const> snapshot;
    std::string request_id;
    std::string star;
    std::string body;
    Caller nobody;  ///< so that nobody pays
    ChatRequest chat;
    ClientRequest request;
    Swallow sink{body};
    Cancellation cancellation;  ///< nobody triggers it: the copy ends by itself, or with its worker
};

/// Independent of the other chances that are drawn from the same bits.
unsigned lot_of(std::uint64_t draw) {
    draw += 0x6d6972726f72;  // "mirror"
    draw = (draw ^ (draw >> 30U)) * 0xbf58476d1ce4e5b9;
    draw = (draw ^ (draw >> 27U)) * 0x94d049bb133111eb;
    return static_cast<unsigned>((draw ^ (draw >> 31U)) % 100);
}

/// The shadow alone, seen by this request.
Routing shadow_routing(RequestRun const& run, Instant now) {
    auto const& original = run.routing;
    Routing routing{.model = run.model,
                    .star = original.star,
                    .draw = original.draw,
                    .facts = original.facts,
                    .steering = original.steering,
                    .caller_filter = original.caller_filter};
    RoutingView const view{.snapshot = run.snapshot, .request = run.request, .dialects = run.parts.dialects};
    auto const& target = run.model->extra_targets[run.model->settings->mirror.target];
    routing.add_target({&target, run.model, original.star}, view, now);
    return routing;
}

/// Gives back the place among the model's copies.
struct Place {
    explicit Place(InFlight& in) : among(&in) {}
    Place(Place&& other) noexcept : among(std::exchange(other.among, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
        if (among != nullptr) among->leave();
    }
    InFlight* among;
};

/// The routing in the copy's own words.
Routing routing_of(Copy const& copy, Routing routing) {
    routing.star = copy.star;
    for (auto& routed : routing.targets) routed.star = copy.star;
    routing.facts = &copy.chat.facts;
    routing.steering = nullptr;
    routing.caller_filter = nullptr;
    return routing;
}

Task<Result<>> attempt(RequestRun& run) {
    // Not on the client's time.
    SLUICE_CO_CHECK(co_await run.parts.clock.sleep(later, run.cancellation));
    auto const now = run.parts.clock.now();
    auto entry = enter(run, 0, {}, now);
    if (!entry) {
        co_return std::unexpected(Error{.kind = ErrorKind::no_upstream_available, .detail = "the shadow has no place"});
    }
    AttemptRun attempt(run, 0, std::move(*entry), {.reason = "mirror", .now = now});
    co_return co_await attempt.go();
}

/// A bug that only a shadow meets should not end what clients use.
Task<Result<>> attempt_or_bug(RequestRun& run) {
    std::string what;
    try {
        co_return co_await attempt(run);
    } catch (std::exception const& bug) {
        what = bug.what();
    }
    co_return std::unexpected(Error{.kind = ErrorKind::internal, .detail = "a bug: " + what});
}

/// `copy` is the first parameter, which goes last: the others refer to its snapshot.
Task<> send(std::unique_ptr<Copy> copy, PipelineParts parts, Routing routing, [[maybe_unused]] Place place) {
    RequestRun run(parts, copy->request, *copy->snapshot, copy->sink, copy->cancellation);
    run.outcome.mirror = Mirror::copy;
    run.routed(routing_of(*copy, std::move(routing)));
    auto result = co_await attempt_or_bug(run);
    run.outcome.status = result ? 200 : status_of(result.error());
    if (!result) run.outcome.error = std::move(result.error());
}

}  // namespace

void mirror(RequestRun& run, Instant now) {
    auto const& settings = run.model->settings->mirror;
    if (settings.percent == 0 || lot_of(run.routing.draw) >= settings.percent) return;
    auto routing = shadow_routing(run, now);
    if (make_plan(routing.input()).order.empty()) {
        run.outcome.mirror = Mirror::unfit;
        return;
    }
    auto& under_way = *run.model->mirrors;
    if (!under_way.try_enter(settings.max_in_flight)) {
        run.outcome.mirror = Mirror::skipped;
        return;
    }
    Place place(under_way);
    run.outcome.mirror = Mirror::sent;
    auto copy = std::make_unique<Copy>(run, now);
    spawn(send(std::move(copy), run.parts, std::move(routing), std::move(place)), [](std::exception_ptr const& thrown) {
        if (thrown) std::rethrow_exception(thrown);
    });
}

}  // namespace sluice
