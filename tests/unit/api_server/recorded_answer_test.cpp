#include "server/api/recorded_answer.hpp"

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>

#include "server/api/recorded_relay.hpp"
#include "server/net/worker.hpp"

using namespace sluice;
using namespace sluice::api;

/// Workers are driven by hand, but for the last test: no thread, no sleep.
namespace {

struct Memory final : RecordingMemory {
    std::atomic<std::uint64_t> used = 0;
    std::uint64_t most = UINT64_MAX;
    bool take(std::uint64_t bytes) override { return (used += bytes) <= most; }
    void give_back(std::uint64_t bytes) override { used -= bytes; }
};

/// Takes an answer; where `stalled` is set, each write waits at it.
struct Client final : ReplySink {
    Task<Result<>> answer(int code, Headers const& fields, Pieces pieces) override {
        status = code;
        headers = fields;
        add(pieces);
        ended = kept_open = true;
        co_return Result<>();
    }
    void forget_request() override {}
    Task<Result<>> start_stream(Headers const& fields) override {
        status = 200;
        headers = fields;
        co_return Result<>();
    }
    Task<Result<>> write(Pieces pieces) override {
        if (stalled) SLUICE_CO_CHECK(co_await stalled->wait(never, cancellation));
        add(pieces);
        co_return Result<>();
    }
    Task<Result<>> end_stream(bool keep_open) override {
        ended = true;
        kept_open = keep_open;
        co_return Result<>();
    }
    bool stream_started() const override { return status != 0; }
    std::uint64_t bytes_out() const override { return body.size(); }
    void add(Pieces pieces) {
        for (auto const piece : pieces) body += piece;
    }
    std::string header(std::string_view name) const { return std::string(find(headers, name)); }

    Cancellation cancellation;
    std::shared_ptr<Gate> stalled;
    int status = 0;
    Headers headers;
    std::string body;
    bool ended = false;
    bool kept_open = false;
};

/// One who reads along on a worker.
struct Listener {
    Listener(std::shared_ptr<RecordedAnswer> const& answer, net::Worker& on, bool replay = false) {
        reader.emplace(answer, on.make_gate());
        rereading.request_id = "req_reader";
        if (replay) rereading.limits = Headers{{"x-ratelimit-remaining-requests", "9"}};
    }
    void listen() {
        spawn(run(), [this](std::exception_ptr thrown) { bug = std::move(thrown); });
    }
    Task<> run() {
        end = co_await pass_on(*reader, client, rereading, client.cancellation);
        reader.reset();
        done = true;
        done.notify_all();
    }

    std::optional<RecordedAnswer::Reader> reader;
    Rereading rereading;
    Client client;
    Reread end;
    std::atomic<bool> done = false;
    std::exception_ptr bug;
};

/// The writer and its answer.
struct Recording {
    std::shared_ptr<Memory> memory = std::make_shared<Memory>();
    std::shared_ptr<RecordedAnswer> answer = std::make_shared<RecordedAnswer>(*memory);
    net::Worker here{0};
    net::Worker there{1};
    Cancellation cancellation;
    RecordingSink sink{answer, here, cancellation, [] {}};
    std::vector<Result<>> written;

    void write(std::string text) {
        spawn(write_text(std::move(text)), [](std::exception_ptr const&) {});
    }
    Task<> write_text(std::string text) {
        std::string_view const piece = text;
        written.push_back(co_await sink.write(Pieces(&piece, 1)));
    }
    void run(Task<Result<>> task) {
        spawn(ignore(std::move(task)), [](std::exception_ptr const&) {});
    }
    static Task<> ignore(Task<Result<>> task) { std::ignore = co_await std::move(task); }
    void begin() { run(sink.start_stream(head)); }
    void end(bool keep_open = true) { run(sink.end_stream(keep_open)); }
    void settle() {
        for (int round = 0; round < 4; ++round) {
            here.poll();
            there.poll();
        }
    }

    Headers const head{
        {"x-request-id", "req_writer"}, {"x-ratelimit-remaining-requests", "10"}, {"x-sluice-provider", "lab"}};
};

constexpr int events = 12;
std::string event(int number) { return "data: " + std::string(static_cast<std::size_t>(number) * 700, 'x') + "\n\n"; }
std::string first_events(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += event(i);
    return text;
}

}  // namespace

TEST_CASE("a stream reaches everybody from its beginning, whenever and wherever they come", "[recording]") {
    auto const joins_after = GENERATE(range(-1, events + 1));
    bool const elsewhere = GENERATE(false, true);
    CAPTURE(joins_after, elsewhere);
    Recording recording;
    Listener first(recording.answer, recording.here);
    first.listen();
    std::optional<Listener> second;
    auto const join = [&recording, &second, elsewhere] {
        second.emplace(recording.answer, elsewhere ? recording.there : recording.here, true);
        second->listen();
    };
    if (joins_after < 0) join();
    recording.begin();
    for (int i = 0; i <= events; ++i) {
        if (i == joins_after) join();
        recording.settle();
        CHECK(first.client.body == first_events(i));  // as it comes, not at the end
        if (i < events) recording.write(event(i));
    }
    recording.end();
    recording.settle();
    for (auto const* each : {&first, &*second}) {
        CHECK(each->client.body == first_events(events));
        CHECK(each->client.ended);
        CHECK(each->client.kept_open);
        CHECK(each->end.status == 200);
        CHECK(each->end.sent);
    }
    CHECK(first.client.headers == recording.head);
    CHECK(second->client.header("x-request-id") == "req_reader");
    CHECK(second->client.header("x-ratelimit-remaining-requests") == "9");
    CHECK(second->client.header("x-sluice-provider") == "lab");
    CHECK(second->client.header("x-sluice-idempotent-replay") == "true");
}

TEST_CASE("a whole answer reaches everybody, whenever they come", "[recording]") {
    bool const late = GENERATE(false, true);
    std::string const body = GENERATE(std::string(), std::string("{}"), std::string(300'000, 'x'));
    Recording recording;
    Listener listener(recording.answer, recording.there, true);
    if (!late) listener.listen();
    recording.settle();
    std::array const pieces{std::string_view(body).substr(0, body.size() / 2),
                            std::string_view(body).substr(body.size() / 2)};
    recording.run(recording.sink.answer(207, recording.head, pieces));
    if (late) listener.listen();
    recording.settle();
    CHECK(listener.client.status == 207);
    CHECK(listener.client.body == body);
    CHECK(listener.client.ended);
    CHECK(listener.end.status == 207);
}

TEST_CASE("an answer that nobody will end is ended by an error, wherever it stood", "[recording]") {
    auto const written = GENERATE(range(-1, events));
    CAPTURE(written);
    Recording recording;
    Listener listener(recording.answer, recording.there);
    listener.listen();
    if (written >= 0) recording.begin();
    for (int i = 0; i < written; ++i) recording.write(event(i));
    recording.answer->end(Ending::abandoned);
    recording.settle();
    REQUIRE(listener.done);
    CHECK(listener.end.error->kind == ErrorKind::server_shutdown);
    CHECK(listener.client.ended);
    if (listener.client.status == 200) {
        CHECK(listener.client.body.starts_with(first_events(written)));
        CHECK(listener.client.body.find("\"code\":\"server_shutdown\"") != std::string::npos);
        CHECK_FALSE(listener.client.kept_open);
    } else {
        CHECK(listener.client.status == 503);
        CHECK(listener.client.header("x-request-id") == "req_reader");
    }
}

TEST_CASE("a stream that was cut is cut for everybody", "[recording]") {
    Recording recording;
    Listener listener(recording.answer, recording.here);
    recording.begin();
    recording.write("data: error\n\n");
    recording.end(false);
    listener.listen();
    CHECK(listener.client.body == "data: error\n\n");
    CHECK(listener.client.ended);
    CHECK_FALSE(listener.client.kept_open);
    CHECK_FALSE(listener.end.error);
}

TEST_CASE("a bug of the writer's comes out at its readers", "[recording]") {
    Recording recording;
    Listener listener(recording.answer, recording.there);
    listener.listen();
    recording.answer->end(Ending::abandoned, std::make_exception_ptr(std::logic_error("bug")));
    recording.settle();
    CHECK(listener.bug);
}

TEST_CASE("a reader that leaves is nothing to the others", "[recording]") {
    Recording recording;
    Listener leaver(recording.answer, recording.here);
    Listener stays(recording.answer, recording.here);
    leaver.listen();
    stays.listen();
    recording.begin();
    recording.write("one");
    recording.settle();
    leaver.client.cancellation.trigger(CancelReason::client_left);
    CHECK(leaver.done);
    CHECK(leaver.end.sent.error().kind == ErrorKind::client_closed);
    recording.write("two");
    recording.end();
    recording.settle();
    CHECK(leaver.client.body == "one");
    CHECK(stays.client.body == "onetwo");
    CHECK(recording.answer->is_kept());
}

TEST_CASE("a stop ends a reader with an error, unless the answer has ended already", "[recording]") {
    Recording recording;
    Listener listener(recording.answer, recording.there);
    listener.listen();
    recording.begin();
    recording.write("one");
    recording.settle();
    SECTION("it has not") {
        listener.client.cancellation.trigger(CancelReason::server_shutdown);
        CHECK(listener.client.body.find("\"code\":\"server_shutdown\"") != std::string::npos);
        CHECK_FALSE(listener.client.kept_open);
    }
    SECTION("it has") {
        recording.write("two");
        recording.end();
        listener.client.cancellation.trigger(CancelReason::server_shutdown);
        CHECK(listener.client.body == "onetwo");
        CHECK_FALSE(listener.end.error);
    }
    CHECK(listener.client.ended);
}

TEST_CASE("an answer that is not kept goes as fast as its slowest reader", "[recording]") {
    bool const no_memory = GENERATE(false, true);
    std::string const piece(64 * 1024, 'x');
    Recording recording;
    if (no_memory) recording.memory->most = 100'000;
    Listener slow(recording.answer, recording.there);
    slow.client.stalled = recording.there.make_gate();
    slow.listen();
    recording.begin();
    std::size_t pieces = 0;
    while (recording.written.size() == pieces && pieces < 1'000) {
        recording.write(piece);
        recording.settle();
        ++pieces;
    }
    auto const most = no_memory ? RecordedAnswer::most_ahead : RecordedAnswer::most_kept;
    CHECK(pieces * piece.size() >= most);
    CHECK(pieces * piece.size() <= most + RecordedAnswer::most_ahead);
    CHECK_FALSE(recording.answer->is_kept());
    SECTION("it reads on") {
        for (std::size_t i = 0; i < pieces && recording.written.size() < pieces; ++i) {
            slow.client.stalled->open();
            recording.settle();
        }
        REQUIRE(recording.written.size() == pieces);
        CHECK(recording.written.back());
        recording.end();
        for (std::size_t i = 0; i < pieces; ++i) {
            slow.client.stalled->open();
            recording.settle();
        }
        CHECK(slow.client.body.size() == pieces * piece.size());
        CHECK(slow.client.ended);
        CHECK(Listener(recording.answer, recording.here).reader->came_too_late());
    }
    SECTION("it leaves: nobody is waited for any more, and nothing is held") {
        slow.client.cancellation.trigger(CancelReason::client_left);
        CHECK(slow.done);
        recording.settle();
        REQUIRE(recording.written.size() == pieces);
        CHECK(recording.written.back());
        CHECK(recording.memory->used < RecordedAnswer::most_ahead);
    }
    SECTION("the writer is told to stop") {
        recording.cancellation.trigger(CancelReason::revoked);
        REQUIRE(recording.written.size() == pieces);
        CHECK_FALSE(recording.written.back());
    }
    slow.client.cancellation.trigger(CancelReason::client_left);
}

TEST_CASE("without readers an answer that is not kept takes no memory", "[recording]") {
    Recording recording;
    recording.memory->most = 1'000;
    recording.begin();
    for (int i = 0; i < 1'000; ++i) recording.write(std::string(64 * 1024, 'x'));
    CHECK(recording.written.size() == 1'000);
    CHECK(recording.memory->used < 200'000);
}

TEST_CASE("all memory is given back", "[recording]") {
    auto const memory = std::make_shared<Memory>();
    {
        RecordedAnswer answer(*memory);
        answer.begin({.headers = {{"a", "b"}}, .stream = true});
        std::string const text(100'000, 'x');
        std::string_view const piece = text;
        answer.append(Pieces(&piece, 1));
        CHECK(memory->used >= text.size());
        CHECK(memory->used <= 2 * text.size());
    }
    CHECK(memory->used == 0);
}

TEST_CASE("readers on other threads get every byte of what a thread writes", "[recording][threads]") {
    auto const memory = std::make_shared<Memory>();
    auto const answer = std::make_shared<RecordedAnswer>(*memory);
    std::array<std::unique_ptr<net::Worker>, 2> workers{std::make_unique<net::Worker>(0),
                                                        std::make_unique<net::Worker>(1)};
    std::vector<std::unique_ptr<Listener>> listeners;
    for (std::size_t i = 0; i < 8; ++i) {
        listeners.push_back(std::make_unique<Listener>(answer, *workers[i % 2], i > 0));
        workers[i % 2]->post([each = listeners.back().get()] { each->listen(); });
    }
    for (auto const& worker : workers) worker->start();
    std::string text;
    answer->begin({.stream = true});
    for (int i = 0; i < 2'000; ++i) {
        auto const piece = "data: " + std::to_string(i) + "\n\n";
        std::string_view const view = piece;
        answer->append(Pieces(&view, 1));
        text += piece;
    }
    answer->end(Ending::complete);
    for (auto const& each : listeners) each->done.wait(false);
    for (auto const& worker : workers) worker->end();
    for (auto const& each : listeners) CHECK(each->client.body == text);
}
