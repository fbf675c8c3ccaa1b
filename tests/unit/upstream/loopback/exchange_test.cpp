#include "tests/unit/upstream/loopback/caller.hpp"

namespace sluice::testing {
namespace {

constexpr std::string_view whole_answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

struct Fixture {
    RawListener upstream;
    Caller caller{"http://127.0.0.1:" + std::to_string(upstream.port()) + "/v1"};

    /// Makes a call, answers it with `bytes`, and returns the connection and what the caller saw.
    std::pair<Raw, Answer> answered(std::string_view bytes, Ask ask = {}) {
        auto future = caller.start(std::move(ask));
        auto connection = upstream.accept();
        CHECK(connection.read_until("\r\n\r\n{}").starts_with("POST /v1/chat/completions HTTP/1.1\r\n"));
        connection.send(bytes);
        return {std::move(connection), future.get()};
    }
    /// Answers the next call on `connection`; false if it does not come there.
    bool comes_again(Raw& connection) {
        auto future = caller.start();
        bool const again = connection.readable(milliseconds(300)) && !connection.read_until("{}").empty();
        if (again) connection.send(whole_answer);
        if (!again) {
            auto other = upstream.accept();
            CHECK_FALSE(other.read_until("{}").empty());
            other.send(whole_answer);
        }
        auto const answer = future.get();
        CHECK(answer.body == "ok");
        CHECK(answer.reused == again);
        return again;
    }
};

TEST_CASE("a connection is used again when its answer ended exactly at its boundary", "[exchange]") {
    auto const* const bytes = GENERATE(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nok");
    CAPTURE(bytes);
    Fixture f;
    auto [connection, answer] = f.answered(bytes);
    CHECK_FALSE(answer.error);
    CHECK_FALSE(answer.reused);
    CHECK(f.comes_again(connection));
    CHECK(f.caller.observer.open == 1);
}

TEST_CASE("a connection is not used again when anything about it is in doubt", "[exchange]") {
    Fixture f;
    SECTION("the upstream says close") {
        auto [connection, answer] = f.answered("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok");
        CHECK(answer.body == "ok");
        CHECK_FALSE(f.comes_again(connection));
    }
    SECTION("nobody says that the answer makes sense") {
        auto [connection, answer] = f.answered(whole_answer, {.makes_sense = false});
        CHECK(answer.body == "ok");
        CHECK_FALSE(f.comes_again(connection));
    }
    SECTION("HTTP/1.0") {
        auto [connection, answer] = f.answered("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok");
        CHECK(answer.body == "ok");
        CHECK_FALSE(f.comes_again(connection));
    }
    SECTION("bytes behind the answer, which nobody sees") {
        auto [connection, answer] = f.answered(std::string(whole_answer) + "HTTP/1.1 200 OK\r\n");
        CHECK(answer.body == "ok");
        CHECK_FALSE(f.comes_again(connection));
    }
    SECTION("bytes that come while it is idle") {
        auto [connection, answer] = f.answered(whole_answer);
        connection.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
        CHECK_FALSE(f.comes_again(connection));
    }
    SECTION("the upstream closed it while it was idle") {
        auto [connection, answer] = f.answered(whole_answer);
        connection.half_close();
        CHECK_FALSE(f.comes_again(connection));
    }
    SECTION("the body was not read to its end") {
        auto [connection, answer] =
            f.answered("HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\nok", Ask{.read_body = false});
        CHECK(answer.status == 200);
        CHECK_FALSE(f.comes_again(connection));
    }
    SECTION("the head did not come in time") {
        auto [connection, answer] = f.answered("", Ask{.head_patience = milliseconds(50)});
        CHECK(answer.kind() == ErrorKind::upstream_timeout);
        CHECK_FALSE(f.comes_again(connection));
    }
    SECTION("it was idle for too long") {
        f.caller.provider.pool.idle_time = milliseconds(30);
        auto [connection, answer] = f.answered(whole_answer);
        ::poll(nullptr, 0, 60);
        CHECK_FALSE(f.comes_again(connection));
    }
    SECTION("it is too old") {
        f.caller.provider.pool.max_age = milliseconds(30);
        auto [connection, answer] = f.answered(whole_answer);
        ::poll(nullptr, 0, 60);
        CHECK_FALSE(f.comes_again(connection));
    }
    SECTION("the request did not go out whole") {
        auto future = f.caller.start(Ask{.body = std::string(20'000'000, 'x')});
        auto connection = f.upstream.accept();
        CHECK_FALSE(connection.read_until("\r\n\r\n").empty());
        connection.send("HTTP/1.1 413 No\r\ncontent-length: 0\r\n\r\n");
        connection = Raw(-1);  // unread bytes: a reset
        auto const answer = future.get();
        CHECK((answer.status == 413 || answer.kind() == ErrorKind::upstream_unavailable));
        CHECK_FALSE(f.comes_again(connection));
    }
}

TEST_CASE("a reused connection that dies before a byte of the answer is replaced, once and silently", "[exchange]") {
    Fixture f;
    auto [connection, first] = f.answered(whole_answer);
    auto future = f.caller.start();
    CHECK_FALSE(connection.read_until("{}").empty());
    auto const in_order = GENERATE(true, false);
    if (in_order) connection.half_close();
    if (!in_order) connection.reset();
    auto second = f.upstream.accept();
    CHECK_FALSE(second.read_until("{}").empty());
    SECTION("the second one answers") {
        second.send(whole_answer);
        auto const answer = future.get();
        CHECK(answer.body == "ok");
        CHECK_FALSE(answer.reused);
    }
    SECTION("the second one dies, too") {
        second.half_close();
        CHECK(future.get().kind() == ErrorKind::upstream_unavailable);
        CHECK_FALSE(f.upstream.pending(milliseconds(100)));
    }
}

TEST_CASE("a request is not sent twice when the upstream may have worked on it", "[exchange]") {
    Fixture f;
    SECTION("a fresh connection ends without an answer") {
        auto future = f.caller.start();
        auto connection = f.upstream.accept();
        CHECK_FALSE(connection.read_until("{}").empty());
        connection.half_close();
        CHECK(future.get().kind() == ErrorKind::upstream_unavailable);
    }
    SECTION("a reused one ends inside the head") {
        auto [connection, first] = f.answered(whole_answer);
        auto future = f.caller.start();
        CHECK_FALSE(connection.read_until("{}").empty());
        connection.send("H");
        ::poll(nullptr, 0, 30);
        connection.half_close();
        CHECK(future.get().kind() == ErrorKind::upstream_unavailable);
    }
    CHECK_FALSE(f.upstream.pending(milliseconds(100)));
}

TEST_CASE("a malformed answer is an error, and none of its bytes are shown", "[exchange]") {
    std::string many;
    for (int i = 0; i < 21; ++i) many += "HTTP/1.1 103 Early Hints\r\n\r\n";
    auto const bytes = GENERATE_COPY(
        std::string("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok"),
        std::string("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\nok"),
        std::string("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n"),
        std::string("HTTP/1.1 200 OK\r\nx: a\r\n folded\r\ncontent-length: 2\r\n\r\nok"),
        std::string("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"), std::string("SSH-2.0-OpenSSH\r\n"),
        std::string("HTTP/1.1 200 OK\r\nx: ") + std::string(70'000, 'a') + "\r\n\r\n", many);
    CAPTURE(bytes.substr(0, 80));
    Fixture f;
    auto [connection, answer] = f.answered(bytes);
    CHECK(answer.kind() == ErrorKind::upstream_invalid_response);
    CHECK(answer.body.empty());
    CHECK_FALSE(f.comes_again(connection));
}

TEST_CASE("a body that is cut is told from one that has ended", "[exchange]") {
    struct Row {
        char const* bytes;
        std::optional<ErrorKind> error;
    };
    auto const row =
        GENERATE(Row{"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", ErrorKind::stream_interrupted},
                 Row{"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", ErrorKind::stream_interrupted},
                 Row{"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nok", ErrorKind::stream_interrupted},
                 Row{"HTTP/1.1 200 OK\r\n\r\nok", std::nullopt});
    CAPTURE(row.bytes);
    Fixture f;
    auto future = f.caller.start();
    {
        auto connection = f.upstream.accept();
        CHECK_FALSE(connection.read_until("{}").empty());
        connection.send(row.bytes);
    }
    auto const answer = future.get();
    CHECK(answer.body == "ok");
    CHECK(answer.kind() == row.error);
}

TEST_CASE("an answer in single bytes is the same answer", "[exchange]") {
    std::string const bytes = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
    Fixture f;
    auto future = f.caller.start();
    auto connection = f.upstream.accept();
    CHECK_FALSE(connection.read_until("{}").empty());
    for (char const& byte : bytes) {
        connection.send(std::string_view(&byte, 1));
        ::poll(nullptr, 0, 1);
    }
    CHECK(future.get().body == "hello!");
    CHECK(f.comes_again(connection));
}

TEST_CASE("a cancelled call ends its connection at once, whatever it waits for", "[exchange]") {
    Fixture f;
    Ask ask;
    std::string_view answer_so_far;
    SECTION("for the head") {}
    SECTION("for the body") { answer_so_far = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok"; }
    SECTION("for the upstream to take the request") { ask.body = std::string(20'000'000, 'x'); }
    auto future = f.caller.start(ask);
    auto connection = f.upstream.accept();
    CHECK_FALSE(connection.read_until("\r\n\r\n").empty());
    connection.send(answer_so_far);
    ::poll(nullptr, 0, 30);
    auto const before = std::chrono::steady_clock::now();
    f.caller.cancel();
    CHECK(future.get().kind() == ErrorKind::client_closed);
    CHECK(eventually([&f] { return f.caller.observer.open == 0; }));
    CHECK(std::chrono::steady_clock::now() - before < std::chrono::milliseconds(100));
}

TEST_CASE("writing the request ends at the request's deadline", "[exchange]") {
    Fixture f;
    auto future = f.caller.start(Ask{.body = std::string(20'000'000, 'x'), .total = milliseconds(100)});
    auto connection = f.upstream.accept();
    auto const before = std::chrono::steady_clock::now();
    CHECK(future.get().kind() == ErrorKind::upstream_timeout);
    CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(2));
}

TEST_CASE("a name is resolved, and its addresses are tried one after the other", "[exchange]") {
    RawListener upstream;  // on 127.0.0.1 only, and localhost may also be ::1
    Caller caller("http://localhost:" + std::to_string(upstream.port()));
    auto future = caller.start();
    auto connection = upstream.accept();
    CHECK(connection.read_until("{}").find("host: localhost:" + std::to_string(upstream.port())) != std::string::npos);
    connection.send(whole_answer);
    CHECK(future.get().body == "ok");
}

TEST_CASE("an upstream that is not there is unavailable, at once", "[exchange]") {
    std::uint16_t port = 0;
    {
        RawListener const gone;
        port = gone.port();
    }
    Caller caller("http://127.0.0.1:" + std::to_string(port));
    auto const answer = caller.call();
    CHECK(answer.kind() == ErrorKind::upstream_unavailable);
    CHECK(eventually([&caller] { return caller.observer.open == 0; }));
}

}  // namespace
}  // namespace sluice::testing
